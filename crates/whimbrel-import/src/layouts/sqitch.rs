//! The layout `sqitch`: `sqitch.plan` names the changes, `deploy/` and `revert/` hold the scripts.

mod config;
mod mysql_client;
mod plan;
mod psql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::migration::{Down, Migration, Substitute, Transactions};
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised, read_file};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

use self::config::Config;
use self::plan::{Change, Dependency, Plan};
use super::read::{Problems, about, unenforced, whole_file};

/// Sqitch's projects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sqitch;

impl Layout for Sqitch {
    fn name(&self) -> &'static str {
        "sqitch"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let named = |extension: &str| {
            let mut others = listing.others.iter();
            others.any(|entry| entry.folder.is_empty() && is_file(entry, extension))
        };
        let reason = if named("plan") {
            "it has a sqitch.plan".to_owned()
        } else if named("conf") {
            "it has a sqitch.conf".to_owned()
        } else {
            format!("it has a {}.plan beside deploy/", lone_plan(listing)?.stem)
        };
        Some(Recognised::new(Certainty::Certain, reason))
    }

    fn options(&self) -> &'static [&'static str] {
        &["verify", "target"]
    }

    fn without_blank(&self) -> &'static str {
        "a change has a line in the plan with its planner and what it needs; `sqitch add NAME`"
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let project = Project::open(listing, dialect)?;
        let mut problems = Problems::default();
        let mut migrations = Vec::with_capacity(project.plan.changes.len());
        for index in 0..project.plan.changes.len() {
            let read = project.migration(listing, index);
            migrations.extend(problems.take(read)?);
        }
        if let Some(warning) = project.unverified(&migrations) {
            problems.add(warning);
        }
        let verifies = listing.entries.iter();
        let mut verifies =
            verifies.filter(|entry| entry.folder.split('/').any(|one| one == "verify"));
        if let Some(first) = verifies.next() {
            let others = match verifies.count() {
                0 => String::new(),
                count => format!(" and {count} more"),
            };
            let message = format!(
                "verify scripts are not converted: native files have none (this one{others})"
            );
            problems.lose(about(
                Diagnostic::warning("not-converted", message),
                &first.path,
            ));
        }
        problems.finish(migrations)
    }
}

fn is_file(entry: &Entry, extension: &str) -> bool {
    entry.stem == "sqitch" && entry.extension == extension
}

/// A plan by another name, as tools that deploy Sqitch's projects call it (`pgpm.plan`).
fn lone_plan(listing: &Listing) -> Option<&Entry> {
    let mut others = listing.others.iter();
    let plan = others.find(|entry| entry.folder.is_empty() && entry.extension == "plan")?;
    let mut scripts = listing.entries.iter();
    let deploys = scripts.any(|entry| entry.folder.starts_with("deploy/"));
    (deploys && others.all(|entry| entry.extension != "plan")).then_some(plan)
}

/// A project: its plan, and where its scripts are.
struct Project {
    file: Arc<SourceFile>,
    plan: Plan,
    deploy: PathBuf,
    revert: PathBuf,
    /// Where the verify scripts are, if they run.
    verify: Option<PathBuf>,
    extension: String,
    dialect: Dialect,
    /// What PostgreSQL's client is told: the configuration's variables and the given placeholders.
    variables: Arc<BTreeMap<String, String>>,
    /// The version of each change: its name, and for one that was reworked which time it is.
    versions: Vec<String>,
}

impl Project {
    fn open(listing: &Listing, dialect: Dialect) -> Result<Self, Error> {
        let [root] = listing.roots.as_slice() else {
            let message =
                "a Sqitch project is one folder, the one with its sqitch.plan or sqitch.conf";
            return Err(Error::refused(Diagnostic::error(
                "several-folders",
                message,
            )));
        };
        let conf = root.join("sqitch.conf");
        let mut config = Config::default();
        if conf.is_file() {
            let file = read_file(&conf)?;
            config = Config::parse(&file).map_err(Error::refused)?;
            if let Some(engine) = config.other_engine(dialect) {
                let message = format!(
                    "this project is for Sqitch's engine {engine}, the database is of {}",
                    config::engine(dialect)
                );
                return Err(Error::refused(
                    Diagnostic::error("sqitch-engine", message).at(&file, 0..0, ""),
                ));
            }
        }
        let target = listing.options.get("target").map(String::as_str);
        config.choose(dialect, target).map_err(Error::Settings)?;
        let path = |key: &str| config.get(dialect, key).map(|value| root.join(value));
        let top = path("top_dir").unwrap_or_else(|| root.clone());
        let plan_file = path("plan_file").unwrap_or_else(|| {
            let own = top.join("sqitch.plan");
            match lone_plan(listing) {
                Some(other) if !own.is_file() => other.path.clone(),
                _ => own,
            }
        });
        if !plan_file.is_file() {
            let help = "give the folder of the sqitch.conf, or of the sqitch.plan, by `--dir`";
            let problem = Diagnostic::error("no-plan", "the project's plan is not there");
            return Err(Error::refused(about(problem, &plan_file).help(help)));
        }
        let verify = match listing.options.get("verify") {
            Some(value) => switch(value).ok_or_else(|| {
                Error::Settings("the layout's option verify must be true or false".to_owned())
            })?,
            None => config.verifies().unwrap_or_default(),
        };
        let file = read_file(&plan_file)?;
        let plan = Plan::parse(&file).map_err(Error::Refused)?;
        let mut variables = config.variables(dialect);
        variables.extend(
            listing
                .placeholders
                .iter()
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        Ok(Self {
            variables: Arc::new(variables),
            versions: versions(&plan.changes),
            deploy: path("deploy_dir").unwrap_or_else(|| top.join("deploy")),
            revert: path("revert_dir").unwrap_or_else(|| top.join("revert")),
            verify: verify.then(|| path("verify_dir").unwrap_or_else(|| top.join("verify"))),
            extension: config.get(dialect, "extension").unwrap_or("sql").to_owned(),
            file,
            plan,
            dialect,
        })
    }

    fn migration(&self, listing: &Listing, index: usize) -> Result<Migration, Error> {
        let change = &self.plan.changes[index];
        let version = &self.versions[index];
        let script = self.script_name(index)?;
        let deploy = self.deploy.join(&script);
        if !deploy.is_file() {
            let message = format!(
                "the change {} has no deploy script {}",
                change.name,
                deploy.display()
            );
            return Err(Error::refused(
                self.at(Diagnostic::error("no-script", message), change),
            ));
        }
        let mut migration = whole_file(listing, version, version, read_file(&deploy)?);
        let revert = self.revert.join(&script);
        if revert.is_file() {
            migration.down = Down::File(revert);
        }
        let verify = self.verify.as_ref().map(|folder| folder.join(&script));
        if let Some(verify) = verify.filter(|path| path.is_file()) {
            migration.verify = Some(Script::whole(read_file(&verify)?));
        }
        migration.transactions = Transactions::Bare;
        migration.substitute = match self.dialect {
            Dialect::Postgres => {
                let values = Arc::clone(&self.variables);
                let sent = move |script: &Script| Ok(psql::substitute(script, &values));
                Some(Substitute::new(sent))
            }
            Dialect::Mysql => Some(Substitute::new(mysql_client::check)),
            Dialect::Sqlite => None,
        };
        migration.directives = Directives {
            description: change.note.clone(),
            created: change.planned.clone(),
            tags: change.tags.clone(),
            depends: self.depends(listing, index)?,
            // Its client for SQLite does not enforce foreign keys.
            foreign_keys: unenforced(self.dialect, migration.up.text()),
            ..Directives::default()
        }
        .shared();
        Ok(migration)
    }

    /// A word about changes that nothing verifies, where changes are verified.
    fn unverified(&self, migrations: &[Migration]) -> Option<Diagnostic> {
        let folder = self.verify.as_ref()?;
        let missing = migrations.iter().filter(|one| one.verify.is_none());
        let names: Vec<_> = missing.map(|one| one.version.as_str()).collect();
        let message = format!(
            "changes without a verify script in {}: {}",
            folder.display(),
            names.join(", ")
        );
        let warning = || about(Diagnostic::warning("no-verify-script", message), folder);
        (!names.is_empty()).then(warning)
    }

    fn at(&self, diagnostic: Diagnostic, change: &Change) -> Diagnostic {
        diagnostic.at(&self.file, change.span.clone(), "")
    }

    /// The script's path below `deploy/`. A change that was reworked later keeps its old scripts
    /// under the name of a tag in between: the first that has one.
    fn script_name(&self, index: usize) -> Result<String, Error> {
        let change = &self.plan.changes[index];
        let name = &change.name;
        let mut later = self.plan.changes[index + 1..].iter();
        let Some(again) = later.position(|change| change.name == *name) else {
            return Ok(format!("{name}.{}", self.extension));
        };
        let between = &self.plan.changes[index..=index + again];
        let tags = between.iter().flat_map(|change| &change.tags);
        let names: Vec<_> = tags
            .map(|tag| format!("{name}@{tag}.{}", self.extension))
            .collect();
        let is_there = |name: &&String| self.deploy.join(Path::new(name)).is_file();
        let chosen = names.iter().find(is_there).or(names.first());
        chosen.cloned().ok_or_else(|| {
            let message = format!("{name} is in the plan twice, with no tag in between");
            Error::refused(self.at(Diagnostic::error("duplicate-version", message), change))
        })
    }

    /// What the change needs, as directives spell it.
    fn depends(&self, listing: &Listing, index: usize) -> Result<Vec<String>, Error> {
        let mut depends = Vec::new();
        let mut errors = Vec::new();
        for need in &self.plan.changes[index].needs {
            match (self.resolve(need, index), &need.project) {
                (Ok(Some(found)), _) => {
                    depends.push(format!("{}/{}", listing.source, self.versions[found]));
                }
                // Another project is another source.
                (Ok(None), Some(project)) if !need.conflict => {
                    depends.push(match &need.tag {
                        Some(tag) if need.change.is_empty() => format!("{project}/@{tag}"),
                        _ => format!("{project}/{}", need.change),
                    });
                }
                (Ok(None), _) => {}
                (Err(message), _) => errors.push(Diagnostic::error("dependency", message).at(
                    &self.file,
                    need.span.clone(),
                    "",
                )),
            }
        }
        if errors.is_empty() {
            Ok(depends)
        } else {
            Err(Error::Refused(errors))
        }
    }

    /// The change before this one that is meant; none for another project's, and for a conflict
    /// that is not there.
    fn resolve(&self, need: &Dependency, index: usize) -> Result<Option<usize>, String> {
        if need
            .project
            .as_ref()
            .is_some_and(|project| *project != self.plan.project)
        {
            return Ok(None);
        }
        let changes = &self.plan.changes;
        let end = match &need.tag {
            Some(tag) => {
                let place = changes.iter().position(|change| change.tags.contains(tag));
                place.ok_or_else(|| format!("there is no tag @{tag} in the plan"))? + 1
            }
            None => index,
        };
        let before = &changes[..end.min(index)];
        let found = match need.change.as_str() {
            "" => before.len().checked_sub(1),
            name => before.iter().rposition(|change| change.name == name),
        };
        match (found, need.conflict) {
            (Some(_), true) => Err(format!(
                "{} conflicts with {}, which the plan deploys before it",
                changes[index].name, need.change
            )),
            (None, true) => Ok(None),
            (Some(found), false) => Ok(Some(found)),
            (None, false) => Err(format!(
                "{} needs {}, which does not come before it in the plan",
                changes[index].name, need.change
            )),
        }
    }
}

/// A boolean as git's settings have it.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Names, and for a change that is reworked `name#2`, `name#3` from its second time on: what is
/// deployed keeps its version when the change is reworked.
fn versions(changes: &[Change]) -> Vec<String> {
    let times = |index: usize| {
        let before = changes[..index].iter();
        before
            .filter(|change| change.name == changes[index].name)
            .count()
            + 1
    };
    let version = |(index, change): (usize, &Change)| match times(index) {
        1 => change.name.clone(),
        time => format!("{}#{time}", change.name),
    };
    changes.iter().enumerate().map(version).collect()
}
