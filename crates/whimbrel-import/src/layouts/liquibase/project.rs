//! `liquibase.properties`: what a project's settings say about its changesets.

use std::collections::BTreeMap;
use std::path::Path;

use whimbrel_core::Error;
use whimbrel_core::rules::WorksIn;
use whimbrel_core::source::{Listing, read_file};
use whimbrel_sql::Dialect;

use super::super::elsewhere::Tool;

const FILE: &str = "liquibase.properties";
/// `src/main/resources/db/changelog` is five below its project.
const ABOVE: usize = 6;
/// The layout's option by which the file is passed over.
pub(super) const OPTION: &str = "project-settings";

/// What is looked for in applications and builds.
pub(super) const APPLICATIONS: Tool = Tool {
    word: "liquibase",
    title: "Liquibase",
    changing: &[
        "contexts",
        "contextFilter",
        "labels",
        "labelFilter",
        "parameters",
        "changeLogParameters",
        "expressionVariables",
        "defaultSchema",
        "defaultSchemaName",
        "dropFirst",
    ],
    usual: &[],
    named: &["parameters", "changeLogParameters", "expressionVariables"],
    help: "write what holds for this database into a liquibase.properties beside the changelog, or say `--layout-option contexts=...`; `--layout-option project-settings=false` passes over these files",
};

/// The settings that concern changesets.
#[derive(Debug, Default)]
pub(super) struct Project {
    file: String,
    pub(super) contexts: String,
    pub(super) labels: String,
    schema: Option<String>,
    changelog: Option<String>,
    /// Values for `${name}`, which come before those of changelogs.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Project {
    /// The nearest file in the folders and above them.
    pub(super) fn find(listing: &Listing) -> Result<Self, Error> {
        match listing.options.get(OPTION).map(String::as_str) {
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
                let path = folder.join(FILE);
                if path.is_file() {
                    let file = read_file(&path)?;
                    let project = Self::read(file.name(), file.text());
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

    pub(super) fn is_there(&self) -> bool {
        !self.file.is_empty()
    }

    /// False if its changelog is there and is another folder's.
    fn is_about(&self, folder: &Path, root: &Path) -> bool {
        let named = self.changelog.as_ref().map(|path| folder.join(path));
        let Some(there) = named.and_then(|path| path.canonicalize().ok()) else {
            return true;
        };
        let beside = there
            .parent()
            .is_some_and(|beside| root.starts_with(beside));
        there.starts_with(root) || beside
    }

    fn read(name: &str, text: &str) -> Self {
        let mut project = Self {
            file: name.to_owned(),
            ..Self::default()
        };
        let joined = text.replace("\r\n", "\n").replace("\\\n", "");
        let lines = joined.lines().map(str::trim);
        for line in lines.filter(|line| !line.starts_with(['#', '!'])) {
            let Some(end) = line.find(['=', ':']) else {
                continue;
            };
            let (key, value) = (line[..end].trim(), line[end + 1..].trim().to_owned());
            if let Some(name) = key.strip_prefix("parameter.") {
                project.parameters.insert(name.to_owned(), value);
                continue;
            }
            let key = key.strip_prefix("liquibase.").unwrap_or(key);
            let key = key.strip_prefix("command.").unwrap_or(key);
            let letters = key.chars().filter(|c| !matches!(c, '-' | '_'));
            match letters.collect::<String>().to_ascii_lowercase().as_str() {
                "contexts" | "contextfilter" => project.contexts = value,
                "labels" | "labelfilter" => project.labels = value,
                "defaultschemaname" => project.schema = Some(value),
                "changelogfile" => project.changelog = Some(value),
                _ => {}
            }
        }
        project
    }

    /// The schema that changesets work in.
    pub(super) fn schema(&self, dialect: Dialect) -> Option<WorksIn> {
        let schema = self.schema.as_ref().filter(|name| !name.is_empty())?;
        (dialect == Dialect::Postgres).then(|| WorksIn {
            schema: schema.clone(),
            setting: format!("defaultSchemaName in {}", self.file),
            without: format!("`--layout-option {OPTION}=false` passes over that file"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen beside Liquibase 4.31.
    #[test]
    fn settings_have_several_spellings() {
        let one = "# ours\ncontexts: prod, eu\nlabelFilter=v1\nparameter.tab.Name: users\nliquibase.command.defaultSchemaName=app\nurl: jdbc:postgresql://h/db\n";
        let other = "liquibase.command.contextFilter=prod, \\\neu\nlabel-filter = v1\nparameter.tab.Name=users\ndefaultSchemaName : app\n";
        for text in [one, other] {
            let project = Project::read("p", text);
            assert_eq!(
                (project.contexts.as_str(), project.labels.as_str()),
                ("prod, eu", "v1")
            );
            assert_eq!(project.parameters["tab.Name"], "users");
            assert_eq!(project.schema(Dialect::Postgres).unwrap().schema, "app");
            assert!(project.schema(Dialect::Sqlite).is_none());
        }
    }
}
