//! The migration that a person means: by version, by file, by name, by `@tag`.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::migration::{Migration, label};
use crate::version::Version;

/// What one may be called.
pub(crate) struct Called<'a> {
    pub(crate) source: &'a str,
    pub(crate) version: &'a Version,
    pub(crate) name: &'a str,
    pub(crate) file: Option<&'a Migration>,
}

/// What was found.
pub(crate) enum Meant {
    Nothing,
    One(usize),
    /// Nobody can tell which of these.
    Several(Diagnostic),
}

/// The first way in which any is called so decides.
pub(crate) fn meant(all: &[Called<'_>], wanted: &str) -> Meant {
    let version = Version::new(wanted);
    let tag = wanted.strip_prefix('@');
    let ways: [&dyn Fn(&Called<'_>) -> bool; 6] = [
        &|one| *one.version == version,
        &|one| one.label() == wanted,
        &|one| format!("{}/{}", one.source, one.version) == wanted,
        &|one| one.file.is_some_and(|m| is_file(m.file.name(), wanted)),
        &|one| !one.name.is_empty() && one.name == wanted,
        &|one| tag.is_some_and(|tag| one.has_tag(tag)),
    ];
    for is_called in ways {
        let mut found = (0..all.len()).filter(|&place| is_called(&all[place]));
        let Some(first) = found.next() else {
            continue;
        };
        let same = |place: &usize| {
            let (one, other) = (&all[first], &all[*place]);
            one.source == other.source && one.version == other.version
        };
        let others: Vec<_> = found.filter(|place| !same(place)).collect();
        if others.is_empty() {
            return Meant::One(first);
        }
        let several = std::iter::once(first).chain(others);
        return Meant::Several(ambiguous(wanted, several.map(|place| &all[place])));
    }
    Meant::Nothing
}

/// The migration among the files.
pub(crate) fn find(migrations: &[Migration], wanted: &str) -> Result<usize, Diagnostic> {
    match among_files(migrations, wanted) {
        Meant::One(place) => Ok(place),
        Meant::Several(problem) => Err(problem),
        Meant::Nothing => Err(not_found(wanted, migrations.iter().map(Migration::label))),
    }
}

pub(crate) fn among_files(migrations: &[Migration], wanted: &str) -> Meant {
    let called = migrations.iter().map(|migration| Called {
        source: &migration.source,
        version: &migration.version,
        name: &migration.name,
        file: Some(migration),
    });
    meant(&called.collect::<Vec<_>>(), wanted)
}

impl Called<'_> {
    pub(crate) fn label(&self) -> String {
        label(self.version, self.name)
    }

    fn has_tag(&self, tag: &str) -> bool {
        let tags = self.file.map(|migration| &migration.directives.tags);
        tags.is_some_and(|tags| tags.iter().any(|own| own == tag))
    }
}

/// Its path, as a shell completes it, or the last part of it.
fn is_file(path: &str, wanted: &str) -> bool {
    let plain = |path: &str| path.trim_start_matches("./").to_owned();
    let last = Path::new(path).file_name();
    plain(path) == plain(wanted) || last.is_some_and(|last| *last == *wanted)
}

fn ambiguous<'a>(wanted: &str, several: impl Iterator<Item = &'a Called<'a>>) -> Diagnostic {
    let several: Vec<_> = several.collect();
    let one_source = several.iter().all(|one| one.source == several[0].source);
    let names = several.iter().map(|one| {
        if one_source {
            one.label()
        } else {
            format!("{}/{}", one.source, one.version)
        }
    });
    let names = names.collect::<Vec<_>>().join(", ");
    let message = format!("`{wanted}` may be any of these: {names}");
    let help = if one_source {
        "name it by its version"
    } else {
        "name it by its source and its version"
    };
    Diagnostic::error("ambiguous", message).help(help)
}

/// "There is no migration X", with the nearest one that there is.
pub(crate) fn not_found<'a>(wanted: &str, known: impl Iterator<Item = String> + 'a) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("no-such-version", format!("there is no migration {wanted}"));
    let nearest = known
        .map(|label| (strsim::damerau_levenshtein(&label, wanted), label))
        .filter(|(distance, label)| *distance <= 2 || label.starts_with(wanted))
        .min();
    match nearest {
        Some((_, label)) => diagnostic.help(format!("did you mean {label}?")),
        None => diagnostic.help("`whimbrel status` shows those that there are"),
    }
}
