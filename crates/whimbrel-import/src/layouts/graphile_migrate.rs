//! graphile-migrate's committed migrations: `committed/000001.sql`.

mod gmrc;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::hook::{Hook, When};
use whimbrel_core::migration::{Migration, Reading, Substitute, Transactions};
use whimbrel_core::plan::Direction;
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised, read_file};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

use self::gmrc::Gmrc;
use super::files::{Found, Problems, Rules, folder_of, head, lines, load, number_and_name};
use super::pairs::by_number;

const HEADER: &str = "--! ";

/// The layout of graphile-migrate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GraphileMigrate;

impl Layout for GraphileMigrate {
    fn name(&self) -> &'static str {
        "graphile-migrate"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let first = listing.entries.iter().find(|entry| is_committed(entry))?;
        header(&head(first)?, "Previous")?;
        let reason = "files that begin with `--! Previous:`";
        Some(Recognised::new(Certainty::Certain, reason))
    }

    /// What is not committed yet is only for development, and is passed over with a word if there
    /// is something in it.
    fn without_blank(&self) -> &'static str {
        "write it into current.sql; `graphile-migrate commit` numbers it and puts the hash of the one before it at its head"
    }

    fn options(&self) -> &'static [&'static str] {
        &[gmrc::OPTION]
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let (mut found, mut strays) = (Vec::new(), Vec::new());
        for entry in &listing.entries {
            match number_and_name(&entry.stem) {
                Some((version, name)) if is_committed(entry) => {
                    found.push(Found::new(version, name, entry, None));
                }
                _ if is_current(entry) => {
                    let file = entry.read()?;
                    if has_statements(&file, dialect) {
                        let why = "the current migration is not committed";
                        problems.stray(entry, why);
                    }
                }
                _ => strays.push((entry, "this is no committed migration")),
            }
        }
        by_number(&mut found);
        let gmrc = Gmrc::find(listing)?;
        let mut values = gmrc.placeholders;
        let given = listing.placeholders.iter();
        values.extend(given.map(|(name, value)| (name.clone(), Some(value.clone()))));
        let rules = Rules {
            reader: read,
            substitute: Some(Substitute::new({
                let values = values.clone();
                move |script| substitute(script, &values)
            })),
            ..Rules::plain(Transactions::Wrapped)
        };
        let with_actions = match listing.options.get(gmrc::OPTION).map(String::as_str) {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => {
                let message = "the layout's option actions must be true or false";
                return Err(Error::Settings(message.to_owned()));
            }
        };
        if with_actions {
            problems.errors.extend(gmrc.refused);
        }
        // Scripts that are actions stand among the others.
        let is_action = |path: &Path| {
            let same = |(_, file): &(When, String)| same_file(&gmrc.folder.join(file), path);
            gmrc.actions.iter().any(same)
        };
        for (entry, why) in strays {
            if !is_action(&entry.path) {
                problems.stray(entry, why);
            }
        }
        let mut loaded = load(listing, dialect, &found, &rules, problems)?;
        check_chain(&loaded.migrations)?;
        loaded.warnings.extend(gmrc.warnings);
        for (when, file) in gmrc.actions.iter().filter(|_| with_actions) {
            let script = Script::whole(read_file(&gmrc.folder.join(file))?);
            loaded.hooks.push(Hook {
                source: Arc::clone(&listing.source),
                name: file.clone(),
                direction: Direction::Up,
                when: *when,
                script: substitute(&script, &values).map_err(Error::Refused)?,
                directives: Directives::default(),
            });
        }
        Ok(loaded)
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    let full = (one.canonicalize(), other.canonicalize());
    matches!(full, (Ok(one), Ok(other)) if one == other)
}

fn is_committed(entry: &Entry) -> bool {
    matches!(folder_of(entry), None | Some("committed")) && number_and_name(&entry.stem).is_some()
}

fn is_current(entry: &Entry) -> bool {
    (entry.folder.is_empty() && entry.stem == "current") || folder_of(entry) == Some("current")
}

fn has_statements(file: &SourceFile, dialect: Dialect) -> bool {
    whimbrel_sql::split(file.text(), dialect).map_or(true, |list| !list.is_empty())
}

/// A line `--! Key: value` of the header.
fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let headers = lines(text).map_while(|(_, line)| line.strip_prefix(HEADER));
    headers
        .take_while(|line| is_key(line))
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.trim())
}

/// One key stands alone; everything else in a header has a value.
fn is_key(line: &str) -> bool {
    line.contains(':') || line.trim_end() == "AllowInvalidHash"
}

/// The line that says so is the first one after the header.
fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    let body = lines(file.text()).find(|(_, line)| {
        let is_header = line.strip_prefix(HEADER).is_some_and(is_key);
        !is_header && !line.trim().is_empty()
    });
    let off = body.is_some_and(|(_, line)| {
        let mark = line.strip_prefix("--!").map(str::trim_start);
        mark.and_then(|mark| mark.split_whitespace().next()) == Some("no-transaction")
    });
    reading.directives.transaction = off.then_some(false);
    for key in ["Previous", "Hash"] {
        if header(file.text(), key).is_none() {
            let message = format!("the committed migration has no `--! {key}:` line");
            reading.problems.push(
                Diagnostic::error("header", message)
                    .at(file, 0..0, "")
                    .help("commit it with graphile-migrate"),
            );
        }
    }
    reading
}

/// Each file names the one before it by its hash, so that none is missing or changed places.
fn check_chain(migrations: &[Migration]) -> Result<(), Error> {
    let mut previous: Option<&Migration> = None;
    let mut errors = Vec::new();
    for migration in migrations {
        let expected = previous.and_then(|m| header(m.file.text(), "Hash"));
        let named = header(migration.file.text(), "Previous").filter(|hash| *hash != "-");
        if named != expected {
            let before = previous.map_or("none".to_owned(), Migration::label);
            let message = format!("this file does not follow the one before it ({before})");
            errors.push(
                Diagnostic::error("chain", message)
                    .at(&migration.file, 0..0, "")
                    .note("its `--! Previous:` is not that file's `--! Hash:`")
                    .help("get the files as graphile-migrate committed them"),
            );
        }
        previous = Some(migration);
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}

/// The placeholders that the tool has by itself or that its projects begin with (`:DATABASE_VISITOR`), and
/// those that the settings have values for: `:NAME` in capitals.
fn substitute(
    script: &Script,
    values: &BTreeMap<String, Option<String>>,
) -> Result<Script, Vec<Diagnostic>> {
    let text = script.text();
    let mut out = Script::build(Arc::clone(script.file()));
    let mut problems = Vec::new();
    for (at, _) in lines(text) {
        let line = text[at..].split_inclusive('\n').next().unwrap_or_default();
        let mut done = 0;
        for (place, name) in placeholders(line) {
            let end = place + 1 + name.len();
            match values.get(name) {
                Some(Some(value)) => {
                    out.copy_text(&line[done..place], script.origin(at + done));
                    out.put(value, script.origin(at + place));
                    done = end;
                }
                None if !name.starts_with("DATABASE_") => {}
                _ => {
                    let message = format!("the placeholder :{name} has no value");
                    let help = format!(
                        "set {name} under [placeholders], or in the environment where .gmrc says `!ENV`"
                    );
                    problems.push(
                        Diagnostic::error("undefined-placeholder", message)
                            .at_script(script, at + place..at + end, "")
                            .help(help),
                    );
                }
            }
        }
        out.copy_text(&line[done..], script.origin(at + done));
    }
    if problems.is_empty() {
        Ok(out.finish())
    } else {
        Err(problems)
    }
}

/// `:NAME` in capitals; not a cast, and not a part of another word.
fn placeholders(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.match_indices(':').filter_map(|(place, _)| {
        let rest = &line[place + 1..];
        let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let end = rest.find(|c| !capital(c)).unwrap_or(rest.len());
        let whole = !rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let begins = rest.starts_with(|c: char| c.is_ascii_uppercase());
        let cast = line[..place].ends_with(':');
        (begins && whole && !cast).then_some((place, &rest[..end]))
    })
}
