//! Settings of Flyway in an application (Spring, Quarkus, Micronaut) or its build (Gradle, Maven). Which of
//! them hold is decided where they run (profiles, variables, code), so they are named and not read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::source::{Listing, read_file};
use whimbrel_core::text::SourceFile;
use yaml_rust2::{Yaml, YamlLoader};

use super::super::files::lines;
use super::project::{ABOVE, WITHOUT};

/// Settings by which Flyway runs other files, or runs them otherwise.
const CHANGING: [&str; 24] = [
    "sqlMigrationPrefix",
    "repeatableSqlMigrationPrefix",
    "undoSqlMigrationPrefix",
    "baselineMigrationPrefix",
    "sqlMigrationSeparator",
    "sqlMigrationSuffixes",
    "placeholders",
    "placeholderPrefix",
    "placeholderSuffix",
    "placeholderReplacement",
    "outOfOrder",
    "mixed",
    "executeInTransaction",
    "initSql",
    "initSqls",
    "target",
    "cherryPick",
    "schemas",
    "defaultSchema",
    "encoding",
    "skipDefaultCallbacks",
    "skipExecutingMigrations",
    "callbacks",
    "resolvers",
];

/// Values that are as if nothing was said.
const USUAL: [(&str, &str); 8] = [
    ("placeholderReplacement", "true"),
    ("executeInTransaction", "true"),
    ("encoding", "utf-8"),
    ("target", "latest"),
    ("sqlMigrationPrefix", "v"),
    ("repeatableSqlMigrationPrefix", "r"),
    ("sqlMigrationSeparator", "__"),
    ("sqlMigrationSuffixes", ".sql"),
];

/// A word about each file above the folders that has such settings.
pub(super) fn notes(listing: &Listing) -> Vec<Diagnostic> {
    let mut seen: Vec<PathBuf> = Vec::new();
    for root in &listing.roots {
        let Ok(full) = root.canonicalize() else {
            continue;
        };
        for folder in full.ancestors().take(ABOVE) {
            for inner in ["", "config", "src/main/resources"] {
                let files = candidates(&folder.join(inner));
                let new: Vec<_> = files
                    .into_iter()
                    .filter(|file| !seen.contains(file))
                    .collect();
                seen.extend(new);
            }
            if folder.join(".git").exists() {
                break;
            }
        }
    }
    seen.iter().filter_map(|path| note(path)).collect()
}

fn candidates(folder: &Path) -> Vec<PathBuf> {
    let is_one = |name: &str| {
        let application = name.starts_with("application")
            && [".properties", ".yml", ".yaml"]
                .iter()
                .any(|end| name.ends_with(end));
        application || matches!(name, "pom.xml" | "build.gradle" | "build.gradle.kts")
    };
    let Ok(list) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = list
        .flatten()
        .filter_map(|item| item.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| is_one(name)).collect();
    names.sort();
    names.iter().map(|name| folder.join(name)).collect()
}

fn note(path: &Path) -> Option<Diagnostic> {
    let file = read_file(path).ok()?;
    if !file.text().to_ascii_lowercase().contains("flyway") {
        return None;
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    let found = match name.rsplit('.').next()? {
        "properties" => of_properties(file.text()),
        "yml" | "yaml" => of_yaml(file.text()),
        "xml" => of_pom(file.text()),
        _ => of_gradle(file.text()),
    };
    let mut names = Vec::new();
    for (key, value) in found {
        let head = key.split('.').next().unwrap_or(&key);
        let value = value.to_ascii_lowercase();
        let several = head == "locations" && value.contains([',', '{']);
        let usual =
            value == "false" && head != "placeholderReplacement" && head != "executeInTransaction"
                || USUAL.contains(&(head, value.as_str()));
        if (CHANGING.contains(&head) && !usual || several) && !names.contains(&key) {
            names.push(key);
        }
    }
    let first = names.first()?;
    let message = format!(
        "{name} sets {} for Flyway, which is not read",
        names.join(", ")
    );
    let warning = Diagnostic::warning("flyway-setting", message);
    let help = format!(
        "write what holds for this database into a flyway.conf beside the migrations, placeholders also into [placeholders]; {WITHOUT}"
    );
    Some(warning.at(&file, place(&file, first), "").help(help))
}

/// Where a key stands, in whatever spelling.
fn place(file: &Arc<SourceFile>, key: &str) -> std::ops::Range<usize> {
    let last = key.rsplit('.').next().unwrap_or(key);
    let letters = |text: &str| -> String {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        kept.map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = letters(last);
    let has = |line: &&(usize, &str)| letters(line.1).contains(&wanted);
    let all: Vec<_> = lines(file.text()).collect();
    let (start, line) = all.iter().find(has).copied().unwrap_or((0, ""));
    let own = line.len() - line.trim_start().len();
    start + own..start + line.trim_end().len().max(own)
}

/// `out-of-order` is `outOfOrder`; of a placeholder the name stays.
fn camel(key: &str) -> String {
    let (head, rest) = match key.split_once(['.', '[']) {
        Some((head, rest)) => (head, Some(rest.trim_end_matches(']'))),
        None => (key, None),
    };
    let mut out = String::new();
    let mut upper = false;
    for c in head.chars() {
        if c == '-' {
            upper = true;
        } else if upper {
            out.push(c.to_ascii_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    match rest {
        Some(rest) if out == "placeholders" => format!("{out}.{rest}"),
        _ => out,
    }
}

/// What stands behind `flyway.`, in Micronaut behind the name of a data source.
fn behind(key: &str) -> Option<&str> {
    let rest = match key.strip_prefix("flyway.") {
        Some(rest) => rest,
        None => key.split_once(".flyway.")?.1,
    };
    let source = rest.strip_prefix("datasources.");
    Some(
        source
            .and_then(|rest| Some(rest.split_once('.')?.1))
            .unwrap_or(rest),
    )
}

type Pairs = Vec<(String, String)>;

fn of_properties(text: &str) -> Pairs {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(['#', '!']));
    let pairs = lines.filter_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        Some((camel(behind(key.trim())?), value.trim().to_owned()))
    });
    pairs.collect()
}

fn of_yaml(text: &str) -> Pairs {
    let documents = YamlLoader::load_from_str(text).unwrap_or_default();
    let mut pairs = Vec::new();
    for document in &documents {
        flatten("", document, &mut pairs);
    }
    let known = pairs
        .iter()
        .filter_map(|(key, value)| Some((camel(behind(key)?), value.clone())));
    known.collect()
}

fn flatten(before: &str, value: &Yaml, out: &mut Pairs) {
    let text = |value: &Yaml| match value {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(yes) => yes.to_string(),
        _ => String::new(),
    };
    match value {
        Yaml::Hash(map) => {
            for (key, value) in map {
                let dot = if before.is_empty() { "" } else { "." };
                flatten(&format!("{before}{dot}{}", text(key)), value, out);
            }
        }
        Yaml::Array(list) => {
            let list: Vec<_> = list.iter().map(text).collect();
            out.push((before.to_owned(), list.join(",")));
        }
        other => out.push((before.to_owned(), text(other))),
    }
}

/// The plugin's configuration, in whatever profile.
fn of_pom(text: &str) -> Pairs {
    let Ok(document) = roxmltree::Document::parse(text) else {
        return Vec::new();
    };
    let is_flyway = |node: &roxmltree::Node<'_, '_>| {
        node.has_tag_name_in("plugin")
            && node.children().any(|child| {
                child.has_tag_name_in("artifactId") && child.text() == Some("flyway-maven-plugin")
            })
    };
    let plugins = document.descendants().filter(is_flyway);
    let inner = plugins.flat_map(|plugin| plugin.descendants());
    let settings = inner.filter(|node| node.has_tag_name_in("configuration"));
    let mut pairs = Pairs::new();
    for one in settings
        .flat_map(|node| node.children())
        .filter(roxmltree::Node::is_element)
    {
        let name = one.tag_name().name();
        let parts: Vec<_> = one.children().filter(roxmltree::Node::is_element).collect();
        if name == "placeholders" {
            let names = parts.iter().map(|part| part.tag_name().name());
            pairs.extend(names.map(|part| (format!("{name}.{part}"), String::new())));
        } else {
            let texts: Vec<_> = parts.iter().filter_map(roxmltree::Node::text).collect();
            let own = one.text().unwrap_or_default().trim().to_owned();
            pairs.push((
                name.to_owned(),
                if texts.is_empty() {
                    own
                } else {
                    texts.join(",")
                },
            ));
        }
    }
    let properties = document
        .descendants()
        .filter(|node| node.has_tag_name_in("properties"));
    for one in properties
        .flat_map(|node| node.children())
        .filter(roxmltree::Node::is_element)
    {
        if let Some(key) = one.tag_name().name().strip_prefix("flyway.") {
            pairs.push((camel(key), one.text().unwrap_or_default().trim().to_owned()));
        }
    }
    pairs
}

/// A name without its namespace.
trait Named {
    fn has_tag_name_in(&self, name: &str) -> bool;
}

impl Named for roxmltree::Node<'_, '_> {
    fn has_tag_name_in(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

/// The block `flyway { ... }`, as far as its names can be told.
fn of_gradle(text: &str) -> Pairs {
    let mut pairs = Pairs::new();
    let mut depth = 0;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if depth == 0 {
            if line.starts_with("flyway") && line.ends_with('{') {
                depth = 1;
            }
            continue;
        }
        let end = line
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let value = rest.trim_matches(|c: char| c.is_whitespace() || "=()[]'\"".contains(c));
        if !name.is_empty() {
            pairs.push((name.to_owned(), value.replace("', '", ",")));
        }
        depth += line.matches('{').count();
        depth = depth.saturating_sub(line.matches('}').count());
    }
    pairs
}
