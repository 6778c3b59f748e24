//! `.gmrc`: what a project says of its placeholders, and of what else runs with its migrations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::hook::When;
use whimbrel_core::source::{Listing, read_file};

use super::super::read::about;

const FILE: &str = ".gmrc";
/// The file stands beside the folder `migrations`, in which `committed` is.
const ABOVE: usize = 3;
const ACTIONS: [(&str, When); 2] = [
    ("beforeAllMigrations", When::BeforeApplied),
    ("afterAllMigrations", When::AfterApplied),
];
/// The layout's option by which they are passed over.
pub(super) const OPTION: &str = "actions";

/// The settings of a project.
#[derive(Debug, Default)]
pub(super) struct Gmrc {
    /// By their names without the colon; none where the environment should have the value and has not.
    pub(super) placeholders: BTreeMap<String, Option<String>>,
    pub(super) warnings: Vec<Diagnostic>,
    /// Where the scripts of actions are.
    pub(super) folder: PathBuf,
    /// Scripts that run around the migrations.
    pub(super) actions: Vec<(When, String)>,
    /// Actions that can't be run.
    pub(super) refused: Vec<Diagnostic>,
}

impl Gmrc {
    pub(super) fn find(listing: &Listing) -> Result<Self, Error> {
        for root in &listing.roots {
            let Ok(root) = root.canonicalize() else {
                continue;
            };
            let mut folders = root.ancestors().take(ABOVE);
            if let Some(path) = folders.find_map(|folder| {
                let path = folder.join(FILE);
                path.is_file().then_some(path)
            }) {
                return Self::read(&path, &listing.environment);
            }
            let folders = root.ancestors().take(ABOVE);
            let programs = [".gmrc.js", ".gmrc.cjs"];
            let mut paths = folders.flat_map(|folder| programs.map(|name| folder.join(name)));
            if let Some(path) = paths.find(|path| path.is_file()) {
                let message = "these settings are a program, which is not run: their placeholders and actions are not known";
                let warning = about(Diagnostic::warning("gmrc", message), &path);
                let help = "say the placeholders under [placeholders]";
                return Ok(Self {
                    warnings: vec![warning.help(help)],
                    ..Self::default()
                });
            }
        }
        Ok(Self::default())
    }

    fn read(path: &std::path::Path, environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let file = read_file(path)?;
        let options = jsonc_parser::ParseOptions::default();
        let value: Value =
            jsonc_parser::parse_to_serde_value(file.text(), &options).map_err(|error| {
                let range = error.range();
                let problem = Diagnostic::error("gmrc", error.kind().to_string());
                Error::refused(problem.at(&file, range.start..range.end, ""))
            })?;
        let mut gmrc = Self::default();
        for (name, value) in value["placeholders"].as_object().into_iter().flatten() {
            let name = name.trim_start_matches(':');
            let value = value.as_str().unwrap_or_default();
            let value = match value {
                "!ENV" => environment.get(name).cloned(),
                _ => Some(value.to_owned()),
            };
            gmrc.placeholders.insert(name.to_owned(), value);
        }
        let folder = value["migrationsFolder"].as_str().unwrap_or("./migrations");
        gmrc.folder = path.with_file_name("").join(folder);
        for (key, when) in ACTIONS {
            // One action needs no list.
            let list = match &value[key] {
                Value::Array(list) => list.as_slice(),
                Value::Null => &[],
                one => std::slice::from_ref(one),
            };
            for action in list {
                match script_of(action) {
                    Ok(Some(script)) => gmrc.actions.push((when, script.to_owned())),
                    Ok(None) => {}
                    Err(message) => {
                        let at = file.text().find(key).unwrap_or_default();
                        let message = format!("{key}: {message}");
                        let problem = Diagnostic::error("gmrc", message);
                        let help = "run it beside `whimbrel up`, and say `--layout-option actions=false`: then none of .gmrc's actions is run";
                        gmrc.refused
                            .push(problem.at(&file, at..at + key.len(), "").help(help));
                    }
                }
            }
        }
        Ok(gmrc)
    }
}

/// The script that an action runs; none if it is for the shadow database alone.
fn script_of(action: &Value) -> Result<Option<&str>, String> {
    if action["shadow"] == Value::Bool(true) {
        return Ok(None);
    }
    let named = action.as_str();
    let file = named.or_else(|| action["file"].as_str());
    let is_root = action["root"] == Value::Bool(true);
    match file {
        None => {
            let command = action["command"].as_str().unwrap_or_default();
            Err(format!("Whimbrel runs no commands (`{command}`)"))
        }
        Some(file) if is_root || named.is_some_and(|name| name.starts_with('!')) => {
            let file = file.trim_start_matches('!');
            Err(format!(
                "{file} runs as the root user of .gmrc, which Whimbrel does not know"
            ))
        }
        Some(file) => Ok(Some(file)),
    }
}
