//! The order in which JavaScript compares words, for tools that sort names so.

/// What a name is sorted by: its characters as words are sorted, and where these are the same,
/// small letters first. Of characters beyond ASCII only that they come last is known.
pub(super) fn words(name: &str) -> (Vec<Place>, Vec<bool>, String) {
    let places = name.chars().map(place).collect();
    let capitals = name.chars().map(char::is_uppercase).collect();
    (places, capitals, name.to_owned())
}

/// Of what kind a character is, and its place among these.
pub(super) type Place = (u8, u32);

fn place(c: char) -> Place {
    const MARKS: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let code = |c: char| u32::from(c);
    if c.is_whitespace() {
        (0, code(c))
    } else if let Some(at) = MARKS.find(c) {
        (1, u32::try_from(at).unwrap_or(u32::MAX))
    } else if c.is_ascii_digit() {
        (2, code(c))
    } else if c.is_ascii() {
        (3, code(c.to_ascii_lowercase()))
    } else {
        (4, code(c))
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    /// Both lists as Node sorts them.
    #[test]
    fn names_are_in_the_order_of_words() {
        for sorted in [
            vec!["0_init", "00_x", "0000_y", "1_init", "10_x", "2_y"],
            vec!["a b", "a_b", "A_b", "a-b", "a.b", "ab", "aB"],
            vec!["2024-01-01_z", "20240101_x", "20240101120000_y"],
        ] {
            let mut names = sorted.clone();
            names.reverse();
            names.sort_by_cached_key(|name| words(name));
            assert_eq!(names, sorted);
        }
    }
}
