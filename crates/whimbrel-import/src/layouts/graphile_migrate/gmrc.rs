//! `.gmrc`: what a project says of its placeholders, and of what else runs with its migrations.

use std::collections::BTreeMap;

use serde_json::Value;
use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::source::{Listing, read_file};

const FILE: &str = ".gmrc";
/// The file stands beside the folder `migrations`, in which `committed` is.
const ABOVE: usize = 3;
const ACTIONS: [&str; 2] = ["beforeAllMigrations", "afterAllMigrations"];

/// The settings of a project.
#[derive(Debug, Default)]
pub(super) struct Gmrc {
    /// By their names without the colon; none where the environment should have the value and has not.
    pub(super) placeholders: BTreeMap<String, Option<String>>,
    pub(super) warnings: Vec<Diagnostic>,
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
        for key in ACTIONS {
            if value[key].as_array().is_some_and(|list| !list.is_empty()) {
                let at = file.text().find(key).unwrap_or_default();
                let message = format!("the actions of {key} are not run");
                let warning =
                    Diagnostic::warning("gmrc", message).at(&file, at..at + key.len(), "");
                gmrc.warnings.push(
                    warning.help("run them beside `whimbrel up`, or write them into migrations"),
                );
            }
        }
        Ok(gmrc)
    }
}
