//! Both folders applied to an empty database each, and compared.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use whimbrel_sql::{Dialect, split};

use super::{ConvertOptions, Proof, Session, source_of};
use crate::convert::{Conversion, reach};
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{Connect, Driver, SHADOW_PREFIX, SchemaObject, Shadow};
use crate::error::Error;
use crate::event::Event;
use crate::migration::Kind;
use crate::plan::Goal;
use crate::runner::{RunOptions, Runner, silent};
use crate::source::Source;

/// Differences that are shown.
const SHOWN: usize = 20;

/// What one folder came to.
struct Outcome {
    applied: usize,
    schema: Vec<SchemaObject>,
    /// After undoing; or why that failed.
    undone: Result<(usize, Vec<SchemaObject>), String>,
}

/// Where shadows are made, and what is in them first.
struct Beside<'a> {
    connect: &'a dyn Connect,
    first: &'a [String],
}

/// How far both are undone: to the version that stays, in each folder's spelling.
struct Back {
    count: usize,
    goals: [Goal; 2],
    why: Option<String>,
}

impl Runner<'_> {
    pub(super) async fn prove(
        &self,
        session: &mut Session,
        conversion: &Conversion,
        options: &ConvertOptions<'_>,
    ) -> Result<Proof, Error> {
        if options.shadow.is_none() {
            refuse_reach(session).await?;
        }
        let beside = Beside {
            connect: options.shadow.unwrap_or(self.connect),
            first: options.shadow_sql,
        };
        let back = back(session, conversion);
        let new: Vec<Box<dyn Source>> = vec![Box::new(conversion.source(&source_of(session)))];
        let [there_goal, here_goal] = &back.goals;
        let there = self.outcome(&beside, Arc::clone(&self.sources), there_goal, back.count);
        let there = there.await.map_err(|error| on_shadow(error, AS_THEY_ARE))?;
        let here = self
            .outcome(&beside, Arc::new(new), here_goal, back.count)
            .await;
        let here = here.map_err(|error| on_shadow(error, "the converted files"))?;
        compare("applied", &there.schema, &here.schema)?;
        let mut proof = Proof {
            applied: there.applied,
            not_undone: back.why,
            ..Proof::default()
        };
        match (there.undone, here.undone) {
            (Ok((count, there)), Ok((_, here))) => {
                compare("undone", &there, &here)?;
                proof.undone = count;
            }
            // What the originals can't do is not asked of the converted files.
            (Err(why), _) => proof.not_undone = Some(format!("the original rollback fails: {why}")),
            (Ok(_), Err(why)) => {
                let message = format!("the converted files can't be undone: {why}");
                return Err(Error::refused(Diagnostic::error("schemas-differ", message)));
            }
        }
        for object in &there.schema {
            if object.kind == "rows" {
                proof.rows += object.definition.parse::<u64>().unwrap_or_default();
            } else {
                *proof.objects.entry(object.kind.clone()).or_default() += 1;
            }
        }
        Ok(proof)
    }

    /// Applies and undoes on a shadow of its own, which is removed however it ends.
    async fn outcome(
        &self,
        beside: &Beside<'_>,
        sources: Arc<Vec<Box<dyn Source>>>,
        goal: &Goal,
        count: usize,
    ) -> Result<Outcome, Error> {
        let name = name(&beside.connect.database());
        let shadow = beside.connect.shadow(&name).await?.ok_or_else(|| {
            Error::Settings("this database's driver can't make a shadow to try the files on".into())
        })?;
        for note in shadow.notes() {
            let mut note = Diagnostic::warning("shadow-left", note.as_str());
            note.severity = Severity::Note;
            self.listener.event(&Event::Diagnostic(&note));
        }
        let outcome = match begin(shadow.as_ref(), beside.first).await {
            Ok(()) => self.try_on(shadow.as_ref(), sources, goal, count).await,
            Err(error) => Err(error),
        };
        let removed = shadow.remove().await;
        let outcome = outcome?;
        removed?;
        Ok(outcome)
    }

    async fn try_on(
        &self,
        shadow: &dyn Shadow,
        sources: Arc<Vec<Box<dyn Source>>>,
        goal: &Goal,
        count: usize,
    ) -> Result<Outcome, Error> {
        let mut options = RunOptions::new(self.options.owner.clone());
        options
            .plan
            .placeholders
            .clone_from(&self.options.plan.placeholders);
        options.retries = self.options.retries;
        let listener = silent();
        let runner = Runner {
            connect: shadow.connect(),
            sources,
            options: &options,
            listener: &*listener,
            cancel: self.cancel.clone(),
            foreign: None,
        };
        let applied = runner.run(&Goal::Latest).await?.steps.len();
        let schema = look(shadow).await?;
        let undone = if count == 0 {
            Ok((0, Vec::new()))
        } else {
            match runner.run(goal).await {
                Ok(_) => Ok((count, look(shadow).await?)),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => Err(error.to_string()),
            }
        };
        Ok(Outcome {
            applied,
            schema,
            undone,
        })
    }
}

/// A name that no other run has, of this process or of another, and that says whose shadow it is.
fn name(database: &str) -> String {
    let now = jiff::Timestamp::now().as_nanosecond();
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    // Servers take names of 63 bytes.
    let mut end: Vec<char> = database.chars().filter(plain).rev().take(16).collect();
    end.reverse();
    let database: String = end.into_iter().collect();
    format!("{SHADOW_PREFIX}{database}_{}_{now}", std::process::id())
}

/// Makes what the first migration counts on.
async fn begin(shadow: &dyn Shadow, scripts: &[String]) -> Result<(), Error> {
    if scripts.is_empty() {
        return Ok(());
    }
    let mut driver = shadow.connect().connect().await?;
    // SQLite's file comes with its first table.
    driver.create_history().await?;
    for script in scripts {
        let statements = split(script, driver.dialect())
            .map_err(|error| Error::Settings(format!("the script for the shadow: {error}")))?;
        for statement in statements {
            driver.query(&script[statement.span()]).await?;
        }
    }
    driver.close().await?;
    Ok(())
}

async fn look(shadow: &dyn Shadow) -> Result<Vec<SchemaObject>, Error> {
    let mut driver = shadow.connect().connect().await?;
    let schema = look_with(driver.as_mut()).await;
    driver.close().await?;
    schema
}

async fn look_with(driver: &mut dyn Driver) -> Result<Vec<SchemaObject>, Error> {
    // The driver learns where the history is.
    driver.read_history().await?;
    let schema = driver.schema().await?;
    schema.ok_or_else(|| Error::Settings("this database's driver can't show a schema".to_owned()))
}

/// The last migrations, down to one that has no rollback.
fn back(session: &Session, conversion: &Conversion) -> Back {
    let migrations = &session.migrations;
    let stays = migrations
        .iter()
        .rposition(|m| m.kind != Kind::Repeatable && !m.is_reversible());
    let after = stays.map_or(0, |at| at + 1);
    let count = migrations[after..]
        .iter()
        .filter(|m| m.kind != Kind::Repeatable)
        .count();
    let goal = |version: Option<String>| version.map_or(Goal::UndoAll, Goal::DownTo);
    Back {
        count,
        goals: [
            goal(stays.map(|at| migrations[at].version.to_string())),
            goal(stays.map(|at| conversion.moves[at].version.to_string())),
        ],
        why: stays.map(|at| format!("{} has no rollback", migrations[at].label())),
    }
}

/// A shadow shares its server with others.
async fn refuse_reach(session: &mut Session) -> Result<(), Error> {
    let dialect = session.driver.dialect();
    let mut databases = HashSet::new();
    if dialect == Dialect::Mysql {
        let rows = session.driver.query("SHOW DATABASES").await?;
        databases.extend(
            rows.into_iter()
                .flatten()
                .flatten()
                .map(|name| name.to_lowercase()),
        );
        databases.remove("information_schema");
    }
    let problems = reach::beyond(&session.migrations, dialect, &databases);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(problems))
    }
}

const AS_THEY_ARE: &str = "the files as they are";

/// An error on a shadow, as what it is: nothing happened to the given database.
fn on_shadow(error: Error, whose: &str) -> Error {
    let Error::Failed(failure) = error else {
        return error;
    };
    let note = format!("{whose} were tried on an empty database; nothing was written");
    let mut diagnostic = failure.diagnostic;
    diagnostic.notes.push(note);
    let help = diagnostic.help.take();
    diagnostic.help = help.filter(|help| !help.contains("whimbrel import"));
    if whose == AS_THEY_ARE && diagnostic.help.is_none() {
        let help = "if they count on something that was there before them, `--shadow-sql FILE` makes it on the empty database";
        diagnostic.help = Some(help.to_owned());
    }
    Error::refused(diagnostic)
}

/// What is in one and not, or not so, in the other.
fn compare(when: &str, there: &[SchemaObject], here: &[SchemaObject]) -> Result<(), Error> {
    let index = |list: &[SchemaObject]| -> BTreeMap<_, Vec<_>> {
        let mut map: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for object in list {
            let key = (object.kind.clone(), object.name.clone());
            map.entry(key).or_default().push(object.definition.clone());
        }
        map
    };
    let (there, here) = (index(there), index(here));
    let keys: std::collections::BTreeSet<_> = there.keys().chain(here.keys()).collect();
    let differences: Vec<_> = keys
        .into_iter()
        .filter(|key| there.get(*key) != here.get(*key))
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the converted files don't give the same schema once all is {when}: {} differences",
        differences.len()
    );
    let mut diagnostic = Diagnostic::error("schemas-differ", message);
    for key in differences.iter().take(SHOWN) {
        let side = |map: &BTreeMap<(String, String), Vec<String>>| {
            map.get(*key)
                .map_or_else(|| "nothing".to_owned(), |list| list.join("; "))
        };
        let (kind, name) = key;
        diagnostic = diagnostic.note(format!(
            "{kind} {name}: {} from the files as they are, {} from the converted ones",
            side(&there),
            side(&here)
        ));
    }
    Err(Error::refused(diagnostic.help(
        "nothing was written; do the files give the same schema each time they run (times, random names)?",
    )))
}
