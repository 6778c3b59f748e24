//! What the layouts share: from entries to migrations.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Down, Kind, Migration, Reader, Reading, Substitute, Transactions};
use whimbrel_core::rules::Setting;
use whimbrel_core::source::{Entry, Listing, Loaded, in_parallel, remark, set_apart, undo_in_up};
use whimbrel_core::text::SourceFile;
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

/// A migration by its names, before its files are read.
pub(crate) struct Found<'a> {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) up: &'a Entry,
    pub(crate) down: Option<&'a Entry>,
    /// What a file beside it says of its transaction, for both directions.
    pub(crate) transaction: Option<bool>,
}

impl<'a> Found<'a> {
    pub(crate) fn new(
        version: impl Into<String>,
        name: impl Into<String>,
        up: &'a Entry,
        down: Option<&'a Entry>,
    ) -> Self {
        Self {
            version: version.into(),
            name: name.into(),
            up,
            down,
            transaction: None,
        }
    }
}

/// How a tool reads and runs its files.
pub(crate) struct Rules {
    pub(crate) transactions: Transactions,
    pub(crate) reader: Reader,
    pub(crate) substitute: Option<Substitute>,
    /// SQLite: whether the tool's driver enforces foreign keys, where that is known.
    pub(crate) foreign_keys: Option<bool>,
    /// What the tool's connection sets.
    pub(crate) settings: &'static [Setting],
}

impl Rules {
    /// Files without parts of their own.
    pub(crate) fn plain(transactions: Transactions) -> Self {
        Self {
            transactions,
            reader: Reading::whole,
            substitute: None,
            foreign_keys: None,
            settings: &[],
        }
    }
}

/// What was found out about a folder besides its migrations.
#[derive(Default)]
pub(crate) struct Problems {
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Problems {
    fn take(&mut self, list: Vec<Diagnostic>) {
        for problem in list {
            if problem.is_error() {
                self.errors.push(problem);
            } else {
                self.warnings.push(problem);
            }
        }
    }

    /// A file that the tool passes over as well.
    pub(crate) fn stray(&mut self, entry: &Entry, why: &str) {
        let message = format!("{why}: it is passed over");
        self.warnings
            .push(about(entry, Diagnostic::warning("stray-file", message)));
    }

    /// The same, where its author may have meant it to run.
    pub(crate) fn stray_with_help(&mut self, entry: &Entry, why: &str, help: &str) {
        self.stray(entry, why);
        if let Some(last) = self.warnings.last_mut() {
            last.help = Some(help.to_owned());
        }
    }

    /// A migration in another language, which only its tool can run.
    pub(crate) fn code(&mut self, entry: &Entry, tool: &str) {
        let message = format!("this is a migration of {tool} in code, which Whimbrel can't run");
        self.errors.push(
            about(entry, Diagnostic::error("code-migration", message))
                .help("write it in SQL; or apply it with its tool before you take over"),
        );
    }

    /// A file beside the migrations says what engine they are for, and it is not the database's.
    pub(crate) fn other_provider(&mut self, entry: &Entry, provider: &str) {
        let message = format!("these migrations are for {provider}, the database is another one");
        let help = "name the database that they were made for";
        self.error(entry, "other-provider", &message, help);
    }

    pub(crate) fn error(&mut self, entry: &Entry, code: &str, message: &str, help: &str) {
        self.errors
            .push(about(entry, Diagnostic::error(code, message)).help(help));
    }
}

/// The files of a tool that is exact about `.sql`: what is called `.SQL` it passes over. Whimbrel
/// finds both, since other tools do.
pub(crate) fn exact<'l>(listing: &'l Listing, problems: &mut Problems) -> Cow<'l, Listing> {
    let is_exact = |entry: &Entry| {
        let name = entry
            .path
            .file_name()
            .unwrap_or_default()
            .as_encoded_bytes();
        name.ends_with(entry.extension.as_bytes())
    };
    if listing.entries.iter().all(is_exact) {
        return Cow::Borrowed(listing);
    }
    let mut kept = listing.clone();
    for entry in kept.entries.extract_if(.., |entry| !is_exact(entry)) {
        let why = format!("the tool is exact about `.{}`", entry.extension);
        problems.stray_with_help(&entry, &why, "if it is a migration, rename it");
    }
    Cow::Owned(kept)
}

/// The files of a tool that does not look into the folders in its folder. What is in those is
/// passed over, with a word for each; unless there is nothing else.
pub(crate) fn outermost<'a>(listing: &'a Listing, problems: &mut Problems) -> Vec<&'a Entry> {
    if !has_files_of_its_own(listing) {
        problems.take(set_apart(listing, None));
        return listing.entries.iter().collect();
    }
    let mut told = HashSet::new();
    let mut kept = Vec::with_capacity(listing.entries.len());
    for entry in &listing.entries {
        if entry.folder.is_empty() {
            kept.push(entry);
        } else if told.insert((entry.root, &entry.folder)) {
            let why = format!("the tool does not look into folders, here {}", entry.folder);
            problems.stray(entry, &why);
        }
    }
    kept
}

/// True if there are scripts in the folder itself.
pub(crate) fn has_files_of_its_own(listing: &Listing) -> bool {
    let mut entries = listing.entries.iter();
    entries.any(|entry| entry.folder.is_empty())
}

/// Points at a file as a whole, unread.
pub(crate) fn about(entry: &Entry, diagnostic: Diagnostic) -> Diagnostic {
    let file = SourceFile::new(entry.path.display().to_string(), String::new());
    diagnostic.at(&file, 0..0, "")
}

/// Reads the migrations that were found, which are in their order.
pub(crate) fn load(
    listing: &Listing,
    dialect: Dialect,
    found: &[Found<'_>],
    rules: &Rules,
    mut problems: Problems,
) -> Result<Loaded, Error> {
    let mut migrations = Vec::with_capacity(found.len());
    let results = in_parallel(found, |item| read(listing, dialect, item, rules));
    for result in results {
        match result {
            Ok((migration, list)) => {
                problems.take(list);
                migrations.push(migration);
            }
            Err(Error::Refused(list)) => problems.errors.extend(list),
            Err(error) => return Err(error),
        }
    }
    refuse_duplicates(&migrations, &mut problems.errors);
    if !problems.errors.is_empty() {
        return Err(Error::Refused(problems.errors));
    }
    Ok(Loaded {
        migrations,
        warnings: problems.warnings,
        ..Loaded::default()
    })
}

fn read(
    listing: &Listing,
    dialect: Dialect,
    found: &Found<'_>,
    rules: &Rules,
) -> Result<(Migration, Vec<Diagnostic>), Error> {
    let file = found.up.read()?;
    let mut reading = (rules.reader)(&file, dialect);
    let undoing = undo_in_up(&reading.up, dialect);
    reading.problems.extend(undoing);
    let mut down = reading.down.map_or(Down::None, Down::Script);
    let mut down_transaction = reading.down_transaction;
    if let Some(entry) = found.down {
        let other = (rules.reader)(&entry.read()?, dialect);
        reading.problems.extend(other.problems);
        down = Down::Script(other.up);
        down_transaction = match (reading.directives.transaction, other.directives.transaction) {
            (Some(_), None) => Some(true),
            (_, own) => own,
        };
    }
    if found.transaction.is_some() {
        reading.directives.transaction = found.transaction;
        down_transaction = None;
    }
    if dialect == Dialect::Sqlite {
        let own = reading.directives.foreign_keys;
        reading.directives.foreign_keys = own.or(rules.foreign_keys);
    }
    reading.directives.rules.settings = rules.settings;
    let migration = Migration {
        source: Arc::clone(&listing.source),
        version: Version::new(found.version.as_str()),
        name: found.name.clone(),
        kind: Kind::Versioned,
        directives: reading.directives.shared(),
        checksum: Checksum::of(file.text()),
        file,
        up: reading.up,
        down,
        verify: None,
        transactions: rules.transactions,
        down_transaction,
        reader: rules.reader,
        substitute: rules.substitute.clone(),
    };
    Ok((migration, reading.problems))
}

fn refuse_duplicates(migrations: &[Migration], errors: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&Version, &Migration> = HashMap::new();
    for migration in migrations {
        if let Some(first) = seen.insert(&migration.version, migration) {
            let message = format!(
                "version {} is in two files: {} and {}",
                first.version,
                first.file.name(),
                migration.file.name()
            );
            errors.push(
                Diagnostic::error("duplicate-version", message)
                    .at(&migration.file, 0..0, "")
                    .help("give one of them a version of its own"),
            );
        }
    }
}

/// Opens a few files of a folder, which is enough to see whose they are: the first, the last and
/// one in between.
pub(crate) fn any_file_has(listing: &Listing, test: impl Fn(&str) -> bool) -> bool {
    let own = has_files_of_its_own(listing);
    let outer = |entry: &&Entry| !own || entry.folder.is_empty();
    let entries: Vec<_> = listing.entries.iter().filter(outer).collect();
    let last = entries.len().saturating_sub(1);
    let mut places = vec![0, last / 2, last];
    places.dedup();
    places
        .into_iter()
        .filter_map(|place| entries.get(place).copied())
        .filter_map(head)
        .any(|text| test(&text))
}

/// A file with a mark that few files have. All of these are opened, in parallel; they are about to
/// be read anyway, and what was read is kept.
pub(crate) fn file_with<'l>(
    entries: impl Iterator<Item = &'l Entry>,
    test: impl Fn(&str) -> bool + Sync,
) -> Option<&'l Entry> {
    let entries: Vec<_> = entries.collect();
    let has = |entry: &&Entry| entry.read().is_ok_and(|file| test(file.text()));
    let found = in_parallel(&entries, |entry| has(entry).then_some(*entry));
    found.into_iter().flatten().next()
}

/// As much of a file as is looked at for marks: they stand in its first lines, and a dump may be
/// hundreds of megabytes long.
const HEAD: usize = 16 * 1024;

/// The beginning of a file, if it can be read.
pub(crate) fn head(entry: &Entry) -> Option<String> {
    if let Some(file) = entry.text.get() {
        let text = file.text();
        let boundary = |at: &usize| text.is_char_boundary(*at);
        let end = (0..=text.len().min(HEAD)).rev().find(boundary)?;
        return Some(text[..end].to_owned());
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(HEAD).unwrap_or(u64::MAX);
    let file = File::open(&entry.path).ok()?;
    file.take(limit).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

/// The digits at the start of a name and what follows the separator after them.
pub(crate) fn number_and_name(stem: &str) -> Option<(&str, &str)> {
    let end = stem
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(stem.len());
    (end > 0).then(|| {
        (
            &stem[..end],
            stem[end..].trim_start_matches(['_', '-', '.']),
        )
    })
}

/// Lines with the place of their first byte, without their ends.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches(['\r', '\n']))
    })
}

/// True for a comment line that begins with a tool's word in any case and spacing, which the tool
/// may not read, but whoever wrote it meant.
pub(crate) fn begins_with(line: &str, word: &str) -> bool {
    let says = remark(line).unwrap_or_default();
    // Few comments begin so.
    if !says.starts_with('+') {
        return false;
    }
    let letters = says.chars().filter(|c| !c.is_whitespace());
    let mut letters = letters.map(|c| c.to_ascii_lowercase());
    word.chars().all(|c| letters.next() == Some(c))
}

/// A file's name as its tool compares it: `1_a-b.sql` comes before `1_a.sql`.
pub(crate) fn file_name(entry: &Entry) -> String {
    format!("{}.{}", entry.stem, entry.extension)
}

/// The file's last folder, if it is in one.
pub(crate) fn folder_of(entry: &Entry) -> Option<&str> {
    let folder = entry.folder.strip_suffix('/')?;
    Some(folder.rsplit('/').next().unwrap_or(folder))
}

/// True for a folder that is a migration's by its name: `20240101000000_name/`, `2023-01-01-000000_name/`.
pub(crate) fn is_numbered(folder: &str) -> bool {
    let name = folder.strip_suffix('/').unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    name.split_once('_').is_some_and(|(number, _)| {
        let rest = number.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
        rest.is_empty() && !number.is_empty()
    })
}
