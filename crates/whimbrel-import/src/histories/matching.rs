//! From another tool's entries and the project's files to what is to be recorded. Pure: it sees no
//! database.

use std::collections::{HashMap, HashSet};

use whimbrel_core::Error;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::history::{Action, AttemptState, History};
use whimbrel_core::migration::{KeptScripts, Kind, Migration};
use whimbrel_core::source::DEFAULT_SOURCE;
use whimbrel_core::takeover::{Adopted, Adoption, Entry as Line, EntryState, Sighting};
use whimbrel_core::version::Version;

use super::batches::batches;
use super::files::{Files, version_of};
use super::refusals::{nothing_found, refuse_failed};
use super::session::read_otherwise;
use super::tool::{Entry, Reach, State, Tool};
use super::tracking::TrackingTable;

/// Puts a tool's entries and the files together.
pub(super) fn adoption(
    tool: &Tool,
    sighting: Sighting,
    mut entries: Vec<Entry>,
    migrations: &[Migration],
    history: &History,
    table: TrackingTable<'_>,
) -> Result<Adoption, Error> {
    if let Some(prepare) = tool.prepare {
        prepare(&mut entries, migrations, table.dialect);
    }
    let files = Files::new(migrations);
    refuse_failed(tool, &sighting, &entries, &files)?;
    let mut matching = Matching {
        tool,
        files: &files,
        history,
        table,
        applied: Vec::new(),
        seen: HashMap::new(),
        warnings: Vec::from_iter(read_otherwise(tool, table.dialect, migrations)),
    };
    let maker = Entry::default();
    matching.take_makers(&maker);
    matching.take_all(&entries);
    if matching.is_about_others() {
        return Err(nothing_found(&sighting, &entries));
    }
    let lines = matching.lines()?;
    Ok(Adoption {
        from: Some(sighting),
        entries: lines,
        warnings: matching.warnings,
    })
}

/// What is known to be applied.
struct Found<'e> {
    entry: &'e Entry,
    /// Its migration; none if there is no such file.
    place: Option<usize>,
    /// A later entry says so, not its own.
    implied: bool,
}

struct Matching<'a> {
    tool: &'a Tool,
    files: &'a Files<'a>,
    history: &'a History,
    table: TrackingTable<'a>,
    applied: Vec<Found<'a>>,
    /// Places of migrations that an entry is about, and where it is in `applied`.
    seen: HashMap<usize, usize>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Matching<'a> {
    /// A file that only makes the tool's own table has done so, whether the tool says so or not.
    fn take_makers(&mut self, maker: &'a Entry) {
        for (place, migration) in self.files.migrations.iter().enumerate() {
            if self
                .table
                .is_all_that_is_made(migration.up.text())
                .is_some()
            {
                self.add(maker, Some(place), true);
            }
        }
    }

    /// True if there are entries and none of them has a file.
    fn is_about_others(&self) -> bool {
        let own = |found: &&Found<'_>| !found.entry.label().is_empty();
        let mut own = self.applied.iter().filter(own).peekable();
        own.peek().is_some() && own.all(|found| found.place.is_none())
    }

    fn take_all(&mut self, entries: &'a [Entry]) {
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry, self.files.find(entry)))
            .collect();
        // Where a table serves several projects, those that have no file here are not ours.
        let ours: HashSet<_> = found
            .iter()
            .filter(|(_, place)| place.is_some())
            .map(|(entry, _)| &entry.project)
            .collect();
        // A file that is a baseline (Rails' structure.sql, Flyway's B5) stands for those before it.
        let files = self.files.migrations;
        let places = found.iter().filter_map(|(_, place)| *place);
        let baselines = places.filter(|&at| files[at].kind == Kind::Baseline);
        let covered = baselines.map(|at| &files[at].version).max();
        let is_covered = |entry: &Entry| {
            let version = entry.version.as_deref().map(Version::new);
            version.is_some_and(|version| Some(&version) <= covered)
        };
        for (entry, place) in found {
            let is_ours = entry.project.is_none() || ours.contains(&entry.project);
            if is_ours && (place.is_some() || !is_covered(entry)) {
                self.take(entry, place);
            }
        }
    }

    fn take(&mut self, entry: &'a Entry, place: Option<usize>) {
        if entry.reach != Reach::Itself {
            for below in self.below(entry, place) {
                self.add(entry, Some(below), true);
            }
        }
        if place.is_some() || entry.reach != Reach::Baseline {
            self.add(entry, place, false);
        }
    }

    fn add(&mut self, entry: &'a Entry, place: Option<usize>, implied: bool) {
        if let Some(place) = place {
            if self.seen.contains_key(&place) {
                return;
            }
            self.seen.insert(place, self.applied.len());
        }
        self.applied.push(Found {
            entry,
            place,
            implied,
        });
    }

    /// The migrations before one that says that all before it are there.
    fn below(&self, entry: &Entry, place: Option<usize>) -> Vec<usize> {
        let migrations = self.files.migrations;
        let versioned = |&at: &usize| migrations[at].kind == Kind::Versioned;
        if let Some(place) = place {
            let top = &migrations[place];
            // `V5` beside the baseline `B5` is the same version, which has one record.
            return (0..place)
                .filter(versioned)
                .filter(|&at| migrations[at].source == top.source)
                .filter(|&at| migrations[at].version != top.version)
                .collect();
        }
        let top = Version::new(entry.version.as_deref().unwrap_or_default());
        if !top.is_numeric() {
            return Vec::new();
        }
        (0..migrations.len())
            .filter(versioned)
            .filter(|&at| migrations[at].version.is_numeric() && migrations[at].version <= top)
            .collect()
    }

    fn lines(&mut self) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::with_capacity(self.applied.len());
        let applied = std::mem::take(&mut self.applied);
        for found in &applied {
            lines.push(self.line(found)?);
        }
        self.number_batches(&mut lines, &applied);
        self.warn_of_missing(&lines);
        let versions = lines
            .iter()
            .map(|line| (line.source.clone(), line.version.clone()));
        let versions: HashSet<_> = versions.collect();
        for (place, migration) in self.files.migrations.iter().enumerate() {
            let known = self.seen.contains_key(&place)
                || versions.contains(&(migration.source.to_string(), migration.version.clone()))
                || self
                    .history
                    .applied(&migration.source, &migration.version)
                    .is_some();
            if !known {
                lines.push(Line::of(migration, EntryState::Pending));
            }
        }
        Ok(lines)
    }

    fn line(&mut self, found: &Found<'_>) -> Result<Line, Error> {
        let migration = found.place.map(|place| &self.files.migrations[place]);
        let mut line = match migration {
            Some(migration) => Line::of(migration, EntryState::New),
            None => self.line_without_file(found.entry),
        };
        line.state = self.state(&line, found, migration);
        if !found.implied {
            line.applied_at = found.entry.at;
        }
        if let Some(row) = self.history.applied(&line.source, &line.version) {
            line.batch = Some(row.batch);
            line.kind = row.kind;
        }
        if line.state == EntryState::New {
            let adopted = self.adopted(found, migration)?;
            line.kind = adopted.kind;
            line.record = Some(adopted);
        }
        Ok(line)
    }

    fn line_without_file(&self, entry: &Entry) -> Line {
        let source = self.files.migrations.first();
        let source = source.map_or(DEFAULT_SOURCE, |migration| &migration.source);
        let version = Version::new(version_of(entry));
        Line::without_file(source, version, "", EntryState::New)
    }

    fn state(
        &mut self,
        line: &Line,
        found: &Found<'_>,
        migration: Option<&Migration>,
    ) -> EntryState {
        if self.history.applied(&line.source, &line.version).is_some() {
            return EntryState::Recorded;
        }
        let attempt = self.history.attempt(&line.source, &line.version);
        if attempt.is_some_and(|a| a.action == Action::Down && a.state == AttemptState::Done) {
            return EntryState::Undone;
        }
        if found.entry.state == State::RolledBack {
            return EntryState::RolledBack;
        }
        let Some(migration) = migration.filter(|_| !found.implied) else {
            return EntryState::New;
        };
        // Of a converted file's text the tool has no checksum.
        let own = migration.directives.converted.is_none();
        let unchanged = self.tool.is_unchanged.filter(|_| own);
        if unchanged.is_none_or(|is_unchanged| is_unchanged(migration, found.entry)) {
            return EntryState::New;
        }
        if migration.kind == Kind::Repeatable {
            // It runs again, as it would have there.
            return EntryState::Pending;
        }
        self.warnings.push(self.changed(migration));
        EntryState::New
    }

    fn changed(&self, migration: &Migration) -> Diagnostic {
        Diagnostic::warning(
            "changed-since",
            format!(
                "{} is not what {} applied: its checksum there is another one",
                migration.label(),
                self.tool.title
            ),
        )
        .at(&migration.file, 0..0, "")
        .help("it is recorded as it is now; if it should not have changed, put it back as it was")
    }

    fn adopted(&self, found: &Found<'_>, migration: Option<&Migration>) -> Result<Adopted, Error> {
        let entry = found.entry;
        let kind = match (entry.reach, migration) {
            (Reach::Baseline, _) => Kind::Baseline,
            (_, Some(migration)) => migration.kind,
            (_, None) => Kind::Versioned,
        };
        let tool = match &entry.tool_version {
            Some(version) => format!("{} {version}", self.tool.title),
            None => self.tool.title.to_owned(),
        };
        Ok(Adopted {
            kind,
            batch: 0,
            // Without a file it is not known what was applied.
            checksum: migration.map_or_else(
                || Checksum::from_stored(""),
                |migration| migration.checksum.clone(),
            ),
            kept: migration
                .map(Migration::kept_scripts)
                .transpose()?
                .unwrap_or_else(KeptScripts::default),
            applied_at: entry.at.filter(|_| !found.implied),
            duration: entry.duration.filter(|_| !found.implied),
            applied_by: entry.by.clone().filter(|_| !found.implied),
            tool: Some(tool),
            former: None,
        })
    }

    fn number_batches(&self, lines: &mut [Line], applied: &[Found<'_>]) {
        let new: Vec<_> = (0..lines.len())
            .filter(|&at| lines[at].record.is_some())
            .collect();
        let names: Vec<_> = new
            .iter()
            .map(|&at| match applied[at].entry.reach {
                Reach::Baseline => Some("baseline"),
                _ => applied[at].entry.batch.as_deref(),
            })
            .collect();
        for (at, number) in new.iter().zip(batches(&names, self.history)) {
            lines[*at].batch = Some(number);
            if let Some(record) = &mut lines[*at].record {
                record.batch = number;
            }
        }
    }

    fn warn_of_missing(&mut self, lines: &[Line]) {
        let missing: Vec<_> = lines
            .iter()
            .filter(|line| line.file.is_none() && line.state == EntryState::New)
            .map(|line| line.label.clone())
            .collect();
        if missing.is_empty() {
            return;
        }
        let (what, help) = match missing.len() {
            1 => (
                "1 applied migration has no file here".to_owned(),
                "it is recorded too, so that it is not applied again when its file comes back",
            ),
            count => (
                format!("{count} applied migrations have no file here"),
                "they are recorded too, so that none of them is applied again when its file comes back",
            ),
        };
        self.warnings.push(
            Diagnostic::warning("missing", what)
                .note(missing.join(", "))
                .help(help),
        );
    }
}
