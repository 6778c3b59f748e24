//! Up and down scripts in files of their own: `NAME.up.sql` and `NAME.down.sql`.

use std::collections::HashMap;

use whimbrel_core::source::{Blank, Entry, Listing, in_parallel};

use super::files::{Found, Problems, lines, number_and_name, outermost};

/// Which script a name says it is; in the order of the words, so that a sorted listing is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    Single,
    Down,
    Up,
}

/// Takes `.up` or `.down` off a stem.
pub(crate) fn role(stem: &str) -> (&str, Role) {
    match stem.strip_suffix(".up") {
        Some(rest) => (rest, Role::Up),
        None => match stem.strip_suffix(".down") {
            Some(rest) => (rest, Role::Down),
            None => (stem, Role::Single),
        },
    }
}

/// Pairs the files of a folder. `take` reads a name without its role into version and name, or
/// leaves it out; a down script without its up script can't be run and is passed over.
pub(crate) fn pairs<'a>(
    listing: &'a Listing,
    take: impl Fn(&'a str, Role) -> Option<(&'a str, &'a str)>,
    problems: &mut Problems,
    expected: &str,
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = Vec::new();
    let mut downs: HashMap<&str, &Entry> = HashMap::new();
    for entry in outermost(listing, problems) {
        let (stem, role) = role(&entry.stem);
        match take(stem, role) {
            Some((version, _)) if role == Role::Down => {
                if let Some(first) = downs.insert(version, entry) {
                    let message = format!(
                        "version {version} has another down script: {}",
                        first.path.display()
                    );
                    problems.error(entry, "two-rollbacks", &message, "remove one of them");
                }
            }
            Some((version, name)) => found.push(Found::new(version, name, entry, None)),
            None => problems.stray(entry, &format!("the name is not of the form {expected}")),
        }
    }
    for item in &mut found {
        item.down = downs.remove(item.version.as_str());
    }
    let mut left: Vec<_> = downs.into_values().collect();
    left.sort_by(|a, b| a.path.cmp(&b.path));
    for entry in left {
        problems.stray(entry, "this down script has no up script");
    }
    found
}

/// A new pair, empty.
pub(crate) fn blank_pair(stem: &str) -> Vec<Blank> {
    let file = |part: &str| (format!("{stem}.{part}.sql"), String::new());
    vec![file("up"), file("down")]
}

/// Sorts by the versions as numbers of any length.
pub(crate) fn by_number(found: &mut [Found<'_>]) {
    found.sort_by_cached_key(|item| {
        let digits = item.version.trim_start_matches('0');
        (digits.len(), digits.to_owned())
    });
}

/// Sorts by the versions as texts, byte by byte.
pub(crate) fn by_text(found: &mut [Found<'_>]) {
    found.sort_by(|a, b| a.version.cmp(&b.version));
}

/// How a file that manages its transactions itself begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// With a COMMIT, which ends its tool's transaction.
    Commit,
    /// With a BEGIN, and goes on after its COMMIT.
    Begin,
}

/// In a folder of pairs alone, each with a number of its own: an up script that would not run inside
/// one transaction, with how it begins. All are opened, since names can't tell; they are about to
/// be read anyway.
pub(crate) fn managed(listing: &Listing) -> Option<(&Entry, Control)> {
    let stems = listing.entries.iter().map(|entry| role(&entry.stem));
    let halves = stems.map(|(stem, role)| {
        let number = number_and_name(stem).map(|(number, _)| (number, role));
        number.filter(|_| role != Role::Single)
    });
    if !are_distinct(halves.collect::<Option<Vec<_>>>()?) {
        return None;
    }
    let is_up = |entry: &&Entry| role(&entry.stem).1 == Role::Up;
    let ups: Vec<&Entry> = listing.entries.iter().filter(is_up).collect();
    let found = in_parallel(&ups, |entry| {
        Some((*entry, control(entry.read().ok()?.text())?))
    });
    found.into_iter().flatten().next()
}

/// By sorting: a listing is nearly in order.
pub(crate) fn are_distinct<T: Ord>(mut items: Vec<T>) -> bool {
    items.sort();
    items.windows(2).all(|pair| pair[0] != pair[1])
}

/// By lines that hold nothing but BEGIN or COMMIT.
fn control(text: &str) -> Option<Control> {
    let word = |(_, line): (usize, &str)| {
        let line = line.split("--").next()?.trim().strip_suffix(';')?;
        let mut words = line.split_whitespace();
        let word = words.next()?.to_ascii_lowercase();
        let rest = words.next().is_none_or(|next| {
            next.eq_ignore_ascii_case("transaction") || next.eq_ignore_ascii_case("work")
        });
        match word.as_str() {
            "commit" if rest => Some(Control::Commit),
            "begin" | "start" if rest => Some(Control::Begin),
            _ => None,
        }
    };
    // Most files say neither.
    let ends = text.as_bytes().split(|b| matches!(b, b'c' | b'C')).skip(1);
    let is_commit = |rest: &[u8]| rest.len() >= 5 && rest[..5].eq_ignore_ascii_case(b"ommit");
    if !ends.into_iter().any(is_commit) {
        return None;
    }
    let words: Vec<_> = lines(text).filter_map(word).collect();
    match words.as_slice() {
        [] | [Control::Begin] => None,
        [Control::Begin, Control::Commit] => {
            let body = text.trim_end().to_ascii_lowercase();
            let after = body.rfind("commit").map(|at| &body[at..])?;
            let goes_on = after.split_once(';').is_some_and(|(_, rest)| {
                lines(rest).any(|(_, line)| {
                    !line.trim().is_empty() && !line.trim_start().starts_with("--")
                })
            });
            goes_on.then_some(Control::Begin)
        }
        [first, ..] => Some(*first),
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, control};

    #[test]
    fn files_that_manage_transactions_are_told() {
        let table = [
            ("SELECT 1;\n", None),
            ("BEGIN;\nSELECT 1;\nCOMMIT;\n-- done\n", None),
            (
                "begin transaction; -- now\nSELECT 1;\ncommit;\nVACUUM;\n",
                Some(Control::Begin),
            ),
            ("BEGIN;\nCOMMIT;\nBEGIN;\nCOMMIT;\n", Some(Control::Begin)),
            ("SELECT 1;\nCOMMIT;\nSELECT 2;\n", Some(Control::Commit)),
            (
                "CREATE FUNCTION f() AS $$\nBEGIN\n  SELECT 1;\nEND\n$$;\n",
                None,
            ),
            ("INSERT INTO t VALUES ('commit; later');\n", None),
        ];
        for (text, expected) in table {
            assert_eq!(control(text), expected, "{text}");
        }
    }
}
