//! What names of native files say: `001_name`, `20231201_001_name`, `001_name.up`, `R__name`.

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The version's text; empty if the name has none.
    pub version: String,
    /// What follows it.
    pub name: String,
    /// Which script the file holds.
    pub role: FileRole,
    /// `R__`.
    pub repeatable: bool,
}

/// Which script a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// Up, and down in a rollback section.
    Single,
    /// `.up`
    Up,
    /// `.down`
    Down,
}

impl FileName {
    /// Reads a file's name without its extension.
    pub fn parse(stem: &str) -> Self {
        let (version, name, role, repeatable) = Self::parts(stem);
        Self {
            version: version.to_owned(),
            name: name.to_owned(),
            role,
            repeatable,
        }
    }

    /// The fields, in their order, as parts of the stem.
    pub(in crate::source) fn parts(stem: &str) -> (&str, &str, FileRole, bool) {
        let (rest, role) = split_role(stem);
        if let Some(name) = rest.strip_prefix("R__") {
            return (rest, name, role, !name.is_empty());
        }
        let end = version_end(rest);
        let name = rest[end..].trim_start_matches(['_', '-', '.', ' ']);
        (&rest[..end], name, role, false)
    }
}

/// True of a day and a month in whichever order, and a year: `01-02-2024`, `1.2.2024`.
pub(super) fn is_backward_date(stem: &str) -> bool {
    let mut parts = stem.splitn(3, ['-', '.', '_']);
    let mut number = |most: usize| {
        let part = parts.next()?;
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        (digits <= most).then(|| (part[..digits].parse::<u32>().ok(), digits, part.len()))
    };
    let (Some((Some(one), a, whole)), Some((Some(two), b, other)), Some((Some(year), 4, _))) =
        (number(2), number(2), number(4))
    else {
        return false;
    };
    a == whole
        && b == other
        && (1..=31).contains(&one)
        && (1..=31).contains(&two)
        && (1990..2100).contains(&year)
}

/// Takes `.up` or `.down` off a stem. yoyo says `.rollback`, and a rollback must never pass for a
/// migration.
pub(in crate::source) fn split_role(stem: &str) -> (&str, FileRole) {
    if let Some(rest) = stem.strip_suffix(".up") {
        (rest, FileRole::Up)
    } else if let Some(rest) = stem
        .strip_suffix(".down")
        .or_else(|| stem.strip_suffix(".rollback"))
    {
        (rest, FileRole::Down)
    } else {
        (stem, FileRole::Single)
    }
}

/// Where the version ends: after the first group of digits, after further groups behind dots, and
/// after the number that follows a date (`20231201_001`).
fn version_end(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if end == 0 {
        return 0;
    }
    let date = end == 8;
    while text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    let number = text[end..]
        .strip_prefix(['_', '-'])
        .map_or(0, |_| digits(end + 1));
    let after = end + 1 + number;
    let ends_there = || matches!(text.as_bytes().get(after), None | Some(b'_' | b'-' | b'.'));
    if date && (1..=6).contains(&number) && ends_there() {
        end = after;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_begin_with_the_day_are_told() {
        for stem in ["01-02-2024_a", "1.2.2024", "31_12_2024_a"] {
            assert!(is_backward_date(stem), "{stem}");
        }
        for stem in [
            "2024-02-01_a",
            "01-02-20240_a",
            "01_02_users",
            "01_2024_sales",
            "1.2.3_a",
            "001_02_2024",
            "99-01-2024_a",
            "01a-02-2024",
        ] {
            assert!(!is_backward_date(stem), "{stem}");
        }
    }

    #[test]
    fn names_are_taken_apart() {
        let table = [
            ("001_create_users", "001", "create_users", FileRole::Single),
            (
                "20241201120000_initial_schema",
                "20241201120000",
                "initial_schema",
                FileRole::Single,
            ),
            (
                "20231201_001_create_users",
                "20231201_001",
                "create_users",
                FileRole::Single,
            ),
            (
                "20231201-2-create",
                "20231201-2",
                "create",
                FileRole::Single,
            ),
            (
                "20241202093000_add_users.up",
                "20241202093000",
                "add_users",
                FileRole::Up,
            ),
            ("7.down", "7", "", FileRole::Down),
            ("0001.members.rollback", "0001", "members", FileRole::Down),
            ("1.2.3_x", "1.2.3", "x", FileRole::Single),
            ("005_2024_sales", "005", "2024_sales", FileRole::Single),
            ("20240101_2fa", "20240101", "2fa", FileRole::Single),
            ("3-dashes", "3", "dashes", FileRole::Single),
            ("12", "12", "", FileRole::Single),
            ("create_users", "", "create_users", FileRole::Single),
        ];
        for (stem, version, name, role) in table {
            let parsed = FileName::parse(stem);
            assert_eq!(
                (parsed.version.as_str(), parsed.name.as_str(), parsed.role),
                (version, name, role),
                "{stem}"
            );
        }
        let repeatable = FileName::parse("R__active_users_view");
        assert!(repeatable.repeatable);
        assert_eq!(repeatable.name, "active_users_view");
    }
}
