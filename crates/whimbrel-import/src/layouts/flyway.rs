//! The layout `flyway`: `V1__a.sql`, `U1__a.sql`, `R__a.sql`, `B1__a.sql`, callbacks.

mod callback;
mod elsewhere;
mod name;
mod project;
mod scripts;
mod settings;
mod values;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::hook::Hook;
use whimbrel_core::migration::{Down, Kind, Migration, Transactions};
use whimbrel_core::rules::Placeholders;
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_core::version::Version;
use whimbrel_sql::{Dialect, TransactionControl, split};

use self::name::{Name, Names, compared};
use self::project::Project;
use self::scripts::Scripts;
use super::read::{Problems, about, unenforced, whole_file};

/// Flyway's SQL migrations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flyway;

/// Extensions of migrations that are programs.
const PROGRAMS: [&str; 12] = [
    "java", "class", "kt", "groovy", "scala", "sh", "bash", "bat", "cmd", "ps1", "py", "jar",
];

impl Layout for Flyway {
    fn name(&self) -> &'static str {
        "flyway"
    }

    fn options(&self) -> &'static [&'static str] {
        &[
            "ignore-settings",
            "placeholder-replacement",
            "project-settings",
        ]
    }

    /// Refinery shares `V1__a.sql`; it has no other kinds of files, and its `U` is no undo.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let of_rust = |entry: &&Entry| entry.extension == "rs" || entry.stem == "refinery";
        if listing.others.iter().any(|entry| of_rust(&entry)) {
            return None;
        }
        let usual = Scripts::default();
        if let Some(found) = usual.recognised(listing) {
            return Some(found);
        }
        // Other names are in the project's settings; what is wrong with those is said when they count.
        let project = Project::find(listing).ok()?;
        let own = Scripts::of(&project);
        let found = (own != usual).then(|| own.recognised(listing)).flatten()?;
        Some(Recognised::new(Certainty::Certain, found.reason))
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let project = Project::find(listing)?;
        let scripts = Scripts::of(&project);
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let replacement = listing.options.get("placeholder-replacement");
        let placeholders = match replacement.map(String::as_str) {
            None => project.is("placeholderReplacement", true),
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                let message = "the layout's option placeholder-replacement must be true or false";
                return Err(Error::Settings(message.to_owned()));
            }
        };
        let mut load = Load {
            placeholders,
            listing,
            project,
            names: scripts.names.clone(),
            dialect,
            now,
            problems: Problems::default(),
            migrations: Vec::new(),
            undos: Vec::new(),
            hooks: Vec::new(),
        };
        load.programs();
        let passed_over = listing.options.get("ignore-settings");
        let passed_over = passed_over.map_or("", String::as_str);
        for problem in load.project.refused(passed_over) {
            load.problems.add(problem);
        }
        if !load.project.is_there() && !listing.options.contains_key("project-settings") {
            for note in elsewhere::notes(listing) {
                load.problems.add(note);
            }
        }
        for entry in scripts.all(listing) {
            if let Some(file) = load.problems.take(entry.read())? {
                load.file(entry, &file)?;
            }
        }
        load.finish()
    }

    /// The next number, in the form of the last one: after `V1_2` comes `V1_3`.
    fn blank(&self, listing: &Listing, given: &str, name: &str) -> Option<Vec<Blank>> {
        let scripts = Scripts::of(&Project::find(listing).ok()?);
        let names = &scripts.names;
        let versioned = scripts.all(listing).filter_map(|entry| {
            let Name::Versioned { version, .. } = names.read(&entry.stem) else {
                return None;
            };
            let first = entry.stem.split(names.separator.as_str()).next()?;
            let written = first.strip_prefix(names.versioned.as_str())?;
            Some((compared(&version), written))
        });
        let last = versioned.max_by(|one, other| one.0.cmp(&other.0));
        let version = last.map_or_else(|| given.to_owned(), |(_, last)| next(last, given));
        let (prefix, separator) = (&names.versioned, &names.separator);
        let suffix = scripts.suffixes.first()?;
        let file = format!("{prefix}{version}{separator}{name}{suffix}");
        Some(vec![(file, String::new())])
    }
}

/// The last of a version's numbers, plus one; a time is followed by the time that it is now.
fn next(version: &str, now: &str) -> String {
    let start = version.rfind(['.', '_']).map_or(0, |at| at + 1);
    let (front, number) = version.split_at(start);
    match number.parse::<u64>() {
        Ok(value) if number.len() < TIMESTAMP_LENGTH => {
            format!("{front}{:0width$}", value + 1, width = number.len())
        }
        _ => now.to_owned(),
    }
}

/// `20240101120000`, also without the seconds.
const TIMESTAMP_LENGTH: usize = 12;

/// Folders being loaded.
struct Load<'a> {
    listing: &'a Listing,
    project: Project,
    names: Names,
    dialect: Dialect,
    /// Whether they are looked for where no script setting says.
    placeholders: bool,
    now: String,
    problems: Problems,
    migrations: Vec<Migration>,
    undos: Vec<(String, &'a Entry, Arc<SourceFile>)>,
    hooks: Vec<((usize, String), Hook)>,
}

impl<'a> Load<'a> {
    fn programs(&mut self) {
        for entry in &self.listing.others {
            let is_ours = self.names.read(&entry.stem) != Name::Other;
            if is_ours && PROGRAMS.contains(&&*entry.extension) {
                let file = format!("{}.{}", entry.stem, entry.extension);
                let message = format!("{file} is a program, which Whimbrel can't run");
                let problem = about(Diagnostic::error("code-migration", message), &entry.path);
                self.problems
                    .add(problem.help("write what it does in SQL, in a file of the same version"));
            }
        }
    }

    fn file(&mut self, entry: &'a Entry, file: &Arc<SourceFile>) -> Result<(), Error> {
        let names = self.names.clone();
        match names.read(&entry.stem) {
            Name::Versioned {
                version,
                description,
            } => self.migration(entry, file, &version, description, Kind::Versioned),
            Name::Baseline {
                version,
                description,
            } => self.migration(entry, file, &version, description, Kind::Baseline),
            Name::Repeatable { description } => {
                self.migration(entry, file, &entry.stem, description, Kind::Repeatable)
            }
            Name::Undo { version } => {
                if self.conf(entry).is_some() {
                    let message = "an undo script runs as its migration does: it can't have settings of its own";
                    self.problems.add(about(
                        Diagnostic::error("flyway-setting", message),
                        &entry.path,
                    ));
                }
                self.undos.push((version, entry, Arc::clone(file)));
                Ok(())
            }
            Name::Callback { event, description } => {
                let directives = self.directives(entry, file)?;
                let name = (event, description);
                match callback::hook(self.listing, entry, name, file, directives) {
                    Ok(hook) => self.hooks.push(hook),
                    Err(problem) => self.problems.add(problem),
                }
                Ok(())
            }
            Name::Other => {
                let message =
                    "this file is passed over, as in Flyway: its name is not one of a migration";
                let problem = about(Diagnostic::warning("stray-file", message), &entry.path);
                self.problems.add(problem.help(
                    "migrations are called V1__name.sql, R__name.sql, U1__name.sql, B1__name.sql",
                ));
                Ok(())
            }
        }
    }

    fn migration(
        &mut self,
        entry: &Entry,
        file: &Arc<SourceFile>,
        version: &str,
        description: &str,
        kind: Kind,
    ) -> Result<(), Error> {
        let mut migration = whole_file(self.listing, version, description, Arc::clone(file));
        migration.kind = kind;
        migration.directives = self.directives(entry, file)?.shared();
        if controls_transactions(file.text(), self.dialect) {
            migration.transactions = Transactions::Wrapped;
        }
        self.migrations.push(migration);
        Ok(())
    }

    fn directives(&mut self, entry: &Entry, file: &Arc<SourceFile>) -> Result<Directives, Error> {
        let mut directives = Directives::default();
        if self.placeholders {
            let (project, text) = (&self.project, file.text());
            directives.rules.placeholders = values::of(project, &entry.path, &[text], &self.now);
            directives.rules.always = values::changes_each_time(project, text);
        } else {
            directives.rules.placeholders = Placeholders::Off;
        }
        directives.rules.schema = self.project.schema(self.dialect);
        if self.project.is("outOfOrder", false) {
            directives.allow = vec!["out-of-order".to_owned()];
        }
        let off = !self.project.is("executeInTransaction", true);
        let mixed = self.project.is("mixed", false) && must_be_alone(file.text(), self.dialect);
        directives.transaction = (off || mixed).then_some(false);
        // Its driver for SQLite does not enforce foreign keys.
        directives.foreign_keys = unenforced(self.dialect, file.text());
        if let Some(conf) = self.conf(entry)
            && let Some(file) = self.problems.take(conf.read())?
        {
            for problem in settings::apply(&file, &mut directives) {
                self.problems.add(problem);
            }
        }
        Ok(directives)
    }

    /// The file with the settings of a script.
    fn conf(&self, script: &Entry) -> Option<&'a Entry> {
        let name = format!("{}.{}", script.stem, script.extension);
        let place = (script.root, &script.folder);
        let mut others = self.listing.others.iter();
        others.find(|other| {
            other.extension == "conf" && other.stem == name && (other.root, &other.folder) == place
        })
    }

    fn finish(mut self) -> Result<Loaded, Error> {
        self.refuse_duplicates();
        self.pair_undos();
        // Repeatable ones by description; a baseline after the migration that it goes up to.
        self.migrations.sort_by_cached_key(|m| {
            let repeatable = m.kind == Kind::Repeatable;
            let description = repeatable.then(|| m.name.replace('_', " "));
            let version = (!repeatable).then(|| compared(m.version.as_str()));
            (repeatable, description, version, m.kind == Kind::Baseline)
        });
        self.hooks.sort_by(|(a, _), (b, _)| a.cmp(b));
        if self.project.is("skipDefaultCallbacks", false) {
            self.hooks.clear();
        }
        let hooks = self.hooks.into_iter().map(|(_, hook)| hook).collect();
        let loaded = self.problems.finish(self.migrations)?;
        Ok(Loaded { hooks, ..loaded })
    }

    fn pair_undos(&mut self) {
        for (version, entry, file) in std::mem::take(&mut self.undos) {
            let version = compared(&version);
            let is_its = |m: &&mut Migration| {
                m.kind == Kind::Versioned && compared(m.version.as_str()) == version
            };
            let Some(migration) = self.migrations.iter_mut().find(is_its) else {
                let message = "this undo script has no migration of its version and is passed over";
                let problem = Diagnostic::warning("stray-file", message);
                self.problems.add(about(problem, &entry.path));
                continue;
            };
            let texts = [migration.file.text(), file.text()];
            let placeholders = &mut migration.directives.rules.placeholders;
            if *placeholders != Placeholders::Off {
                let path = Path::new(migration.file.name());
                *placeholders = values::of(&self.project, path, &texts, &self.now);
            }
            migration.down = Down::Script(Script::whole(file));
        }
    }

    fn refuse_duplicates(&mut self) {
        let mut seen: HashMap<(Kind, Version), &Migration> = HashMap::new();
        for migration in &self.migrations {
            let version = match migration.kind {
                Kind::Repeatable => migration.version.clone(),
                _ => compared(migration.version.as_str()),
            };
            if let Some(first) = seen.insert((migration.kind, version), migration) {
                let message = format!(
                    "version {} is in two files: {} and {}",
                    first.version,
                    first.file.name(),
                    migration.file.name()
                );
                let problem = Diagnostic::error("duplicate-version", message);
                self.problems.add(
                    problem
                        .at(&migration.file, 0..0, "")
                        .help("give one of them the next free version"),
                );
            }
        }
    }
}

/// True if a script has a statement that no transaction takes.
fn must_be_alone(text: &str, dialect: Dialect) -> bool {
    let statements = split(text, dialect).unwrap_or_default();
    let mut facts = statements.iter().map(|statement| &statement.facts);
    facts.any(|facts| facts.not_in_transaction.is_some())
}

/// True if a script begins or ends transactions by itself, outside of strings and bodies. Flyway's
/// own is then the one around the file: a BEGIN in it does nothing, a COMMIT ends it.
fn controls_transactions(text: &str, dialect: Dialect) -> bool {
    let lower = text.to_ascii_lowercase();
    // A body's BEGIN has no semicolon.
    let begins = |line: &str| line.starts_with("begin") && line.contains(';');
    let words = ["commit", "rollback", "start transaction"];
    if !words.iter().any(|word| lower.contains(word))
        && !lower.lines().any(|line| begins(line.trim()))
    {
        return false;
    }
    let is_one = |control: Option<TransactionControl>| {
        matches!(
            control,
            Some(
                TransactionControl::Begin
                    | TransactionControl::Commit
                    | TransactionControl::Rollback
            )
        )
    };
    let statements = split(text, dialect).unwrap_or_default();
    statements
        .iter()
        .any(|statement| is_one(statement.facts.transaction_control))
}
