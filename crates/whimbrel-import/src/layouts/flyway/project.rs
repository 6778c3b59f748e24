//! `flyway.toml` and `flyway.conf`: what a project's settings say about its scripts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::rules::{Marks, WorksIn};
use whimbrel_core::source::{Listing, read_file};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::super::files::lines;
use super::name::Names;

/// In each folder, TOML first, as Flyway has it.
const FILES: [&str; 4] = [
    "flyway.toml",
    "flyway.conf",
    "conf/flyway.toml",
    "conf/flyway.conf",
];
/// `src/main/resources/db/migration` is five below its project.
pub(super) const ABOVE: usize = 6;
pub(super) const WITHOUT: &str = "`--layout-option project-settings=false` passes over that file";

/// The settings, by their names without `flyway.`; lists have commas.
#[derive(Debug, Default)]
pub(super) struct Project {
    file: Option<Arc<SourceFile>>,
    values: BTreeMap<String, String>,
}

impl Project {
    /// The nearest file in the folders and above them that is about them.
    pub(super) fn find(listing: &Listing) -> Result<Self, Error> {
        match listing.options.get("project-settings").map(String::as_str) {
            None | Some("true") => {}
            Some("false") => return Ok(Self::default()),
            Some(_) => {
                let message = "the layout's option project-settings must be true or false";
                return Err(Error::Settings(message.to_owned()));
            }
        }
        for root in &listing.roots {
            let Ok(root) = root.canonicalize() else {
                continue;
            };
            for folder in root.ancestors().take(ABOVE) {
                let paths = FILES.iter().map(|name| folder.join(name));
                for path in paths.filter(|path| path.is_file()) {
                    let project = Self::read(&path, &listing.environment)?;
                    if project.is_about(folder, &root) {
                        return Ok(project);
                    }
                }
                if folder.join(".git").exists() {
                    break;
                }
            }
        }
        Ok(Self::default())
    }

    fn read(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let file = read_file(path)?;
        let is_toml = path.extension().is_some_and(|one| one == "toml");
        let mut values = if is_toml {
            of_toml(&file)?
        } else {
            of_properties(file.text())
        };
        for value in values.values_mut() {
            *value = from_environment(value, environment);
        }
        Ok(Self {
            file: Some(file),
            values,
        })
    }

    /// A file further up may be about other folders. Places in an application's resources have their
    /// folders' names.
    fn is_about(&self, folder: &Path, root: &Path) -> bool {
        let Some(locations) = self.get("locations").filter(|_| folder != root) else {
            return true;
        };
        locations.split(',').any(|location| {
            let location = location.trim();
            let path = location.split_once(':').map_or(location, |(_, path)| path);
            let path = path.trim_start_matches("./").trim_matches('/');
            let there = folder.join(path).canonicalize();
            let below = there.is_ok_and(|there| there.starts_with(root) || root.starts_with(there));
            below || path.contains(['*', '$']) || root.ends_with(PathBuf::from(path))
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.values.get(key)?;
        (!value.is_empty()).then_some(value)
    }

    pub(super) fn is(&self, key: &str, default: bool) -> bool {
        self.get(key)
            .map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn names(&self) -> Names {
        let own = Names::default();
        let named = |key: &str, own: String| self.get(key).map_or(own, str::to_owned);
        Names {
            versioned: named("sqlMigrationPrefix", own.versioned),
            repeatable: named("repeatableSqlMigrationPrefix", own.repeatable),
            undo: named("undoSqlMigrationPrefix", own.undo),
            baseline: named("baselineMigrationPrefix", own.baseline),
            separator: named("sqlMigrationSeparator", own.separator),
        }
    }

    /// What scripts' names end with.
    pub(super) fn suffixes(&self) -> Vec<String> {
        let suffixes = self.get("sqlMigrationSuffixes").unwrap_or(".sql");
        let suffixes = suffixes.split(',').map(|one| one.trim().to_owned());
        suffixes.filter(|one| !one.is_empty()).collect()
    }

    /// What stands around placeholders.
    pub(super) fn marks(&self) -> Marks {
        let own = Marks::default();
        let named = |key: &str, own: String| self.get(key).map_or(own, str::to_owned);
        Marks {
            before: named("placeholderPrefix", own.before),
            behind: named("placeholderSuffix", own.behind),
            in_pairs: true,
        }
    }

    /// Values for placeholders, those that Flyway has by itself among them.
    pub(super) fn placeholders(&self) -> BTreeMap<String, String> {
        let values = self.values.iter();
        let given = values.filter_map(|(key, value)| {
            let key = key.strip_prefix("placeholders.")?;
            // Without the variable it has no value.
            (!value.contains("${env.")).then(|| (key.to_owned(), value.clone()))
        });
        let mut all: BTreeMap<String, String> = given.collect();
        let table = self.get("table");
        all.extend(table.map(|table| ("flyway:table".to_owned(), table.to_owned())));
        all
    }

    /// The schema that scripts work in; other engines have none, or it is the database.
    pub(super) fn schema(&self, dialect: Dialect) -> Option<WorksIn> {
        let (key, list) = ["defaultSchema", "schemas"]
            .into_iter()
            .find_map(|key| Some((key, self.get(key)?)))?;
        let schema = list.split(',').next()?.trim();
        let file = self.file.as_ref()?;
        (dialect == Dialect::Postgres).then(|| WorksIn {
            schema: schema.to_owned(),
            setting: format!("{key} in {}", file.name()),
            without: WITHOUT.to_owned(),
        })
    }

    pub(super) fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// Settings by which Flyway would run something else.
    pub(super) fn refused(&self, passed_over: &str) -> Vec<Diagnostic> {
        let found = REFUSED.into_iter().filter_map(|(key, help)| {
            let file = self.file.as_ref()?;
            let said = |value: &&str| !matches!(*value, "latest" | "false");
            self.get(key).filter(said)?;
            if passed_over.split(',').any(|name| name.trim() == key) {
                return None;
            }
            let at = place(file.text(), key);
            let message = format!("the setting {key} is not followed");
            let problem = Diagnostic::error("flyway-setting", message);
            let help = format!("{help}, and `--layout-option ignore-settings={key}`");
            Some(problem.at(file, at..at + key.len(), "").help(help))
        });
        found.collect()
    }
}

/// With what to do instead.
const REFUSED: [(&str, &str); 9] = [
    ("initSql", "say it as `session_sql` in whimbrel.toml"),
    (
        "target",
        "`whimbrel up --to VERSION` stops there: say so where it is run",
    ),
    (
        "cherryPick",
        "`whimbrel up` runs all that is pending: name the files by `--dir`",
    ),
    (
        "skipExecutingMigrations",
        "`whimbrel baseline` records without running: say so where it is meant",
    ),
    ("callbackLocations", "name these folders by `--dir` as well"),
    ("callbacks", "write what they do as SQL callbacks"),
    ("resolvers", "write what they find as files"),
    (
        "skipDefaultResolvers",
        "without them Flyway runs no SQL files: name those that run by `--dir`",
    ),
    ("javaMigrationClassProvider", "write the migrations in SQL"),
];

/// Where a key is set.
fn place(text: &str, key: &str) -> usize {
    let mut lines = lines(text);
    let found = lines.find_map(|(start, line)| {
        let (name, _) = line.split_once(['=', ':'])?;
        let at = name.trim_end().strip_suffix(key)?.len();
        Some(start + at)
    });
    found.or_else(|| text.find(key)).unwrap_or_default()
}

/// `flyway.key=value`; a line that ends with a backslash goes on in the next one.
fn of_properties(text: &str) -> BTreeMap<String, String> {
    let joined = text.replace("\r\n", "\n").replace("\\\n", "");
    let lines = joined.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(['#', '!']));
    let pairs = lines.filter_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        let key = key.trim().strip_prefix("flyway.")?;
        Some((key.to_owned(), value.trim().to_owned()))
    });
    pairs.collect()
}

fn of_toml(file: &Arc<SourceFile>) -> Result<BTreeMap<String, String>, Error> {
    let table: toml::Table = file.text().parse().map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or_default();
        let problem = Diagnostic::error("flyway-setting", error.message().to_owned());
        Error::refused(problem.at(file, span, ""))
    })?;
    let mut values = BTreeMap::new();
    let own = table.get("flyway").and_then(toml::Value::as_table);
    if let Some(own) = own {
        flatten("", own, &mut values);
    }
    // An environment has some of its own.
    let name = own.and_then(|own| own.get("environment")?.as_str());
    let environments = table.get("environments").and_then(toml::Value::as_table);
    let chosen = environments.and_then(|all| all.get(name.unwrap_or("default"))?.as_table());
    if let Some(chosen) = chosen {
        for key in ["schemas", "initSql", "resolvers"] {
            if let Some(value) = chosen.get(key) {
                values.insert(key.to_owned(), plain(value));
            }
        }
        if let Some(toml::Value::Table(own)) = chosen.get("flyway") {
            flatten("", own, &mut values);
        }
    }
    Ok(values)
}

fn flatten(before: &str, table: &toml::Table, out: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = format!("{before}{key}");
        if let toml::Value::Table(inner) = value {
            flatten(&format!("{key}."), inner, out);
        } else {
            out.insert(key, plain(value));
        }
    }
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// `${env.NAME}`
fn from_environment(value: &str, environment: &BTreeMap<String, String>) -> String {
    let mut out = value.to_owned();
    for (at, _) in value.match_indices("${env.") {
        let Some(length) = value[at..].find('}') else {
            continue;
        };
        let whole = &value[at..=at + length];
        let name = &whole["${env.".len()..length];
        if let Some(found) = environment.get(name) {
            out = out.replace(whole, found);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let conf = "# ours\nflyway.locations=filesystem:a,\\\n  filesystem:b\nflyway.placeholders.user = ${env.WHO}\nflyway.outOfOrder=true\nother.key=1\n";
        let toml = "[flyway]\nlocations = [\"filesystem:a\", \"filesystem:b\"]\noutOfOrder = true\n[flyway.placeholders]\nuser = \"${env.WHO}\"\n[environments.default]\nurl = \"x\"\n";
        let toml = of_toml(&SourceFile::new("flyway.toml", toml)).unwrap();
        let mut conf = of_properties(conf);
        let locations = conf.get_mut("locations").unwrap();
        *locations = locations.replace(' ', "");
        assert_eq!(conf, toml);
        let environment = BTreeMap::from([("WHO".to_owned(), "ann".to_owned())]);
        assert_eq!(
            from_environment("a ${env.WHO} ${env.NO}", &environment),
            "a ann ${env.NO}"
        );
    }
}
