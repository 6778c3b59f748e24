//! Native files made of another layout's. Pure: it sees no database and writes nothing.
//!
//! A converted file runs the same statements in the same units as the one that it was made of;
//! what native files have no word for is refused with its place.

mod names;
mod obstacles;
pub(crate) mod reach;
mod render;

use serde::Serialize;
use whimbrel_sql::Dialect;

use crate::diagnostic::Diagnostic;
use crate::directive::{Converted, Directives};
use crate::error::Error;
use crate::migration::{Down, Kind, Migration};
use crate::plan::{Direction, PlanInput, Shape, shape};
use crate::source::{Embedded, Source};
use crate::text::Script;
use crate::version::Version;

use self::names::NewName;
use self::render::{Around, Style, files};

/// A file's name and its text.
pub type NewFile = (String, String);

/// Native files and where each comes from.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// By their names in the new folder.
    pub files: Vec<NewFile>,
    /// One for each migration, in their order.
    pub moves: Vec<Move>,
}

/// What became of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Its file.
    pub from: String,
    /// Its version there.
    pub former: Version,
    /// Its version now.
    pub version: Version,
    /// Its new files: one, or a pair.
    pub files: Vec<String>,
}

impl Conversion {
    /// True if nothing is different from what is there.
    fn is_idle(&self, migrations: &[Migration]) -> bool {
        let same = |(one, migration): (&Move, &Migration)| {
            let text = self.text(&one.files[0]);
            one.former.as_str() == one.version.as_str()
                && text == Some(migration.file.text())
                && migration.file.name().ends_with(&one.files[0])
        };
        self.moves.iter().zip(migrations).all(same)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let mut files = self.files.iter();
        files
            .find(|(file, _)| file == name)
            .map(|(_, text)| text.as_str())
    }

    /// The files as a source, in the namespace of those that they were made of.
    pub fn source(&self, name: &str) -> Embedded {
        Embedded::new(self.files.iter().cloned()).source(name)
    }
}

/// Makes native files that do what these do.
///
/// # Errors
/// Everything that native files have no word for, each with its place.
pub fn convert(input: PlanInput<'_>) -> Result<Conversion, Error> {
    let mut problems = obstacles::find(input);
    if !problems.is_empty() {
        return Err(Error::Refused(problems));
    }
    let names = names::of(input.migrations);
    let mut conversion = Conversion::default();
    for (migration, name) in input.migrations.iter().zip(&names) {
        match one(input, migration, name, &names) {
            Ok(files) => {
                conversion.moves.push(Move {
                    from: migration.file.name().to_owned(),
                    former: migration.version.clone(),
                    version: name.version.clone(),
                    files: files.iter().map(|(file, _)| file.clone()).collect(),
                });
                conversion.files.extend(files);
            }
            Err(list) => problems.extend(list),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Refused(problems));
    }
    if conversion.is_idle(input.migrations) {
        return Err(Error::refused(
            Diagnostic::error("nothing-to-convert", "these files are native already")
                .help("`--layout native` reads them as they are; `whimbrel import` takes over another tool's history"),
        ));
    }
    check_order(input, &conversion)?;
    Ok(conversion)
}

/// One migration's files: the first way to write it that runs the same.
fn one(
    input: PlanInput<'_>,
    migration: &Migration,
    name: &NewName,
    names: &[NewName],
) -> Result<Vec<NewFile>, Vec<Diagnostic>> {
    let writing = Writing {
        input,
        migration,
        name,
        down_script: migration
            .down_script()
            .map_err(|error| error.diagnostics())?,
        wanted: wanted(input.migrations, migration, names),
        up: shape(input, migration, Direction::Up)?,
        down: shape(input, migration, Direction::Down).map_err(drop),
    };
    let mut refusal = None;
    for style in Style::all(is_pair(migration)) {
        for directives in with_transactions(&writing.wanted, input.dialect, writing.up.as_ref()) {
            let explicit = directives.transaction == Some(false);
            if style.around != Around::AsIs && !explicit {
                continue;
            }
            match writing.attempt(Style { explicit, ..style }, &directives) {
                Ok(Some(files)) => return Ok(files),
                Ok(None) => {}
                Err(why) => refusal = refusal.or(Some(why)),
            }
        }
    }
    Err(vec![not_sayable(migration, refusal)])
}

/// A migration being written, with what must come out.
struct Writing<'a> {
    input: PlanInput<'a>,
    migration: &'a Migration,
    name: &'a NewName,
    down_script: Option<Script>,
    wanted: Directives,
    up: Option<Shape>,
    /// A rollback that can't run there can't run here either, and keeps nothing from being converted.
    down: Result<Option<Shape>, ()>,
}

impl Writing<'_> {
    /// The files written in one way, if they run the same; or why they can't run.
    fn attempt(
        &self,
        style: Style,
        directives: &Directives,
    ) -> Result<Option<Vec<NewFile>>, Diagnostic> {
        // Without the mark, if the file stays what it was.
        for mark in [None, Some(converted(self.migration))] {
            let is_marked = mark.is_some();
            let directives = Directives {
                converted: mark,
                ..directives.clone()
            };
            let down = self.down_script.as_ref();
            let dialect = self.input.dialect;
            let files = files(self.migration, down, self.name, &directives, style, dialect);
            let Some(new) = read(&files, self.migration, dialect) else {
                continue;
            };
            let stays = new.checksum == self.migration.checksum
                && new.version.as_str() == self.migration.version.as_str();
            if (is_marked || stays)
                && says_the_same(&new, &self.wanted)
                && self.runs_the_same(&new)?
            {
                return Ok(Some(files));
            }
        }
        Ok(None)
    }

    fn runs_the_same(&self, new: &Migration) -> Result<bool, Diagnostic> {
        let up = shape(self.input, new, Direction::Up);
        let down = shape(self.input, new, Direction::Down);
        match up {
            Ok(up) => Ok(up == self.up && down.map_err(drop) == self.down),
            Err(mut list) if !list.is_empty() => Err(list.swap_remove(0)),
            Err(_) => Ok(false),
        }
    }
}

fn not_sayable(migration: &Migration, refusal: Option<Diagnostic>) -> Diagnostic {
    let message = format!(
        "{} runs in a way that a native file can't say",
        migration.label()
    );
    let mut diagnostic =
        Diagnostic::error("not-convertible", message).at(&migration.file, 0..0, "");
    if let Some(refusal) = refusal {
        diagnostic = diagnostic.note(format!("as a native file: {}", refusal.message));
    }
    diagnostic.help("split the file where its transactions end, or keep the folder in its layout")
}

/// What a native file must say of itself.
fn wanted(all: &[Migration], migration: &Migration, names: &[NewName]) -> Directives {
    let own = &migration.directives;
    let renamed = |text: &String| {
        let (source, version) = text
            .split_once('/')
            .unwrap_or((&migration.source, text.as_str()));
        let version = Version::new(version);
        let place = all
            .iter()
            .position(|m| *m.source == *source && m.version == version);
        place.map_or_else(|| text.clone(), |at| names[at].version.to_string())
    };
    Directives {
        version: None,
        description: own
            .description
            .as_ref()
            .map(|text| text.replace(['\r', '\n'], " ")),
        depends: own.depends.iter().map(renamed).collect(),
        rules: crate::rules::Rules::default(),
        ..(**own).clone()
    }
}

fn converted(migration: &Migration) -> Converted {
    Converted {
        checksum: migration.checksum.clone(),
        version: migration.version.clone(),
    }
}

/// The ways to say how it runs, the plainest first.
fn with_transactions(wanted: &Directives, dialect: Dialect, up: Option<&Shape>) -> Vec<Directives> {
    let mut list = Vec::new();
    let mut keys = vec![wanted.foreign_keys];
    if dialect == Dialect::Sqlite {
        keys.extend(up.and_then(Shape::foreign_keys).map(Some));
    }
    for transaction in [wanted.transaction, None, Some(false)] {
        for foreign_keys in &keys {
            list.push(Directives {
                transaction,
                foreign_keys: *foreign_keys,
                ..wanted.clone()
            });
        }
    }
    list.dedup();
    list
}

/// What was written, as the native layout reads it.
fn read(files: &[NewFile], migration: &Migration, dialect: Dialect) -> Option<Migration> {
    let source = Embedded::new(files.iter().cloned()).source(&migration.source);
    let mut loaded = source.load(dialect).ok()?;
    let one = loaded.migrations.pop()?;
    (loaded.migrations.is_empty() && loaded.warnings.is_empty()).then_some(one)
}

/// What does not show in the statements.
fn says_the_same(new: &Migration, wanted: &Directives) -> bool {
    let own = &new.directives;
    own.depends == wanted.depends
        && own.timeout == wanted.timeout
        && own.lock_timeout == wanted.lock_timeout
        && own.allow == wanted.allow
        && own.tags == wanted.tags
        && own.irreversible == wanted.irreversible
}

/// The down script stands in a file of its own.
fn is_pair(migration: &Migration) -> bool {
    match &migration.down {
        Down::None => migration.file.name().ends_with(".up.sql"),
        Down::Script(script) => script.file().name() != migration.file.name(),
        Down::File(_) => true,
    }
}

/// Read together, the new files must come in the same order.
fn check_order(input: PlanInput<'_>, conversion: &Conversion) -> Result<(), Error> {
    let source = input.migrations.first().map_or("main", |m| &m.source);
    let loaded = conversion.source(source).load(input.dialect)?;
    let order = loaded.migrations.iter().map(|m| &m.version);
    if order.eq(conversion.moves.iter().map(|one| &one.version)) {
        return Ok(());
    }
    let late = input
        .migrations
        .iter()
        .rposition(|m| m.kind == Kind::Repeatable);
    let at = late.map_or(&input.migrations[0].file, |at| &input.migrations[at].file);
    Err(Error::refused(
        Diagnostic::error(
            "not-convertible",
            "native files would come in another order",
        )
        .at(at, 0..0, "")
        .help("repeatable files run after all others there"),
    ))
}
