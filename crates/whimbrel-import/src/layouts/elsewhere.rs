//! Settings of Flyway and Liquibase in an application (Spring, Quarkus, Micronaut) or its build (Gradle, Maven). Which of
//! them hold is decided where they run (profiles, variables, code), so they are named and not read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::source::{Listing, read_file};
use whimbrel_core::text::SourceFile;
use yaml_rust2::{Yaml, YamlLoader};

use super::files::lines;

/// The tool whose settings are looked for.
pub(super) struct Tool {
    /// Its word in keys and in the plugin's name.
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    /// Settings by which it runs other files, or runs them otherwise.
    pub(super) changing: &'static [&'static str],
    /// Values that are as if nothing was said.
    pub(super) usual: &'static [(&'static str, &'static str)],
    /// Settings that have parts with names of their own.
    pub(super) named: &'static [&'static str],
    pub(super) help: &'static str,
}

/// `src/main/resources/db/migration` is five below its project.
const ABOVE: usize = 6;

/// A word about each file above the folders that has such settings.
pub(super) fn notes(listing: &Listing, tool: &Tool) -> Vec<Diagnostic> {
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
    seen.iter().filter_map(|path| tool.note(path)).collect()
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

impl Tool {
    fn note(&self, path: &Path) -> Option<Diagnostic> {
        let file = read_file(path).ok()?;
        if !file.text().to_ascii_lowercase().contains(self.word) {
            return None;
        }
        let name = path.file_name()?.to_string_lossy().into_owned();
        let found = match name.rsplit('.').next()? {
            "properties" => self.of_properties(file.text()),
            "yml" | "yaml" => self.of_yaml(file.text()),
            "xml" => self.of_pom(file.text()),
            _ => self.of_gradle(file.text()),
        };
        let mut names = Vec::new();
        for (key, value) in found {
            if self.is_changing(&key, &value.to_ascii_lowercase()) && !names.contains(&key) {
                names.push(key);
            }
        }
        let first = names.first()?;
        let message = format!(
            "{name} sets {} for {}, which is not read",
            names.join(", "),
            self.title
        );
        let warning = Diagnostic::warning("application-setting", message);
        Some(warning.at(&file, place(&file, first), "").help(self.help))
    }

    fn is_changing(&self, key: &str, value: &str) -> bool {
        let head = key.split('.').next().unwrap_or(key);
        let told = self.usual.iter().find(|(name, _)| *name == head);
        let usual = match told {
            Some((_, usual)) => value == *usual,
            None => matches!(value, "false" | "") && !key.contains('.'),
        };
        let several = head == "locations" && value.contains([',', '{']);
        self.changing.contains(&head) && !usual || several
    }

    /// `out-of-order` is `outOfOrder`; of a placeholder the name stays.
    fn camel(&self, key: &str) -> String {
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
            Some(rest) if self.named.contains(&out.as_str()) => format!("{out}.{rest}"),
            _ => out,
        }
    }

    /// What stands behind `flyway.`, in Micronaut behind the name of a data source.
    fn behind<'k>(&self, key: &'k str) -> Option<&'k str> {
        let whole = format!("{}.", self.word);
        let rest = match key.strip_prefix(&whole) {
            Some(rest) => rest,
            None => key.split_once(&format!(".{whole}"))?.1,
        };
        let source = rest.strip_prefix("datasources.");
        Some(
            source
                .and_then(|rest| Some(rest.split_once('.')?.1))
                .unwrap_or(rest),
        )
    }

    fn of_properties(&self, text: &str) -> Pairs {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.starts_with(['#', '!']));
        let pairs = lines.filter_map(|line| {
            let (key, value) = line.split_once(['=', ':'])?;
            Some((
                self.camel(self.behind(key.trim())?),
                value.trim().to_owned(),
            ))
        });
        pairs.collect()
    }

    fn of_yaml(&self, text: &str) -> Pairs {
        let documents = YamlLoader::load_from_str(text).unwrap_or_default();
        let mut pairs = Vec::new();
        for document in &documents {
            flatten("", document, &mut pairs);
        }
        let known = pairs
            .iter()
            .filter_map(|(key, value)| Some((self.camel(self.behind(key)?), value.clone())));
        known.collect()
    }

    /// The plugin's configuration, in whatever profile.
    fn of_pom(&self, text: &str) -> Pairs {
        let Ok(document) = roxmltree::Document::parse(text) else {
            return Vec::new();
        };
        let plugin = format!("{}-maven-plugin", self.word);
        let own = format!("{}.", self.word);
        let is_its = |node: &roxmltree::Node<'_, '_>| {
            node.has_tag_name_in("plugin")
                && node.children().any(|child| {
                    child.has_tag_name_in("artifactId") && child.text() == Some(plugin.as_str())
                })
        };
        let plugins = document.descendants().filter(is_its);
        let inner = plugins.flat_map(|plugin| plugin.descendants());
        let settings = inner.filter(|node| node.has_tag_name_in("configuration"));
        let mut pairs = Pairs::new();
        for one in settings
            .flat_map(|node| node.children())
            .filter(roxmltree::Node::is_element)
        {
            let name = one.tag_name().name();
            let parts: Vec<_> = one.children().filter(roxmltree::Node::is_element).collect();
            if self.named.contains(&name) {
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
            if let Some(key) = one.tag_name().name().strip_prefix(own.as_str()) {
                pairs.push((
                    self.camel(key),
                    one.text().unwrap_or_default().trim().to_owned(),
                ));
            }
        }
        pairs
    }

    /// The block `flyway { ... }` or `liquibase { ... }`, as far as its names can be told.
    fn of_gradle(&self, text: &str) -> Pairs {
        let mut pairs = Pairs::new();
        let mut depth = 0;
        for line in text.lines() {
            let line = line.split("//").next().unwrap_or_default().trim();
            if depth == 0 {
                if line.starts_with(self.word) && line.ends_with('{') {
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

type Pairs = Vec<(String, String)>;

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

/// A name without its namespace.
trait Named {
    fn has_tag_name_in(&self, name: &str) -> bool;
}

impl Named for roxmltree::Node<'_, '_> {
    fn has_tag_name_in(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
