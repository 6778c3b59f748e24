//! Changelogs in XML, YAML and JSON: what they list, in its order. What they have besides (their
//! own changesets) is for Liquibase alone.

use std::collections::BTreeMap;

use yaml_rust2::{Yaml, YamlLoader};

/// One entry of such a changelog.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Include(Include),
    /// Name, value, and the databases that it is for.
    Property(String, String, Option<String>),
    /// What the changelog is called, and all that it includes and that has no name of its own.
    LogicalPath(String),
    /// What Whimbrel does not read.
    Other(String),
}

/// A file, or all files of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Include {
    pub(super) path: String,
    pub(super) is_folder: bool,
    /// To the changelog's own folder; else to a place from which the program looks for files.
    pub(super) relative: bool,
    /// What the names in a folder have to end with.
    pub(super) ending: String,
    pub(super) may_be_missing: bool,
    /// It has a context or labels.
    pub(super) is_conditional: bool,
}

type Attributes = BTreeMap<String, String>;

/// Reads a changelog by its extension.
///
/// # Errors
/// What the parser says.
pub(super) fn items(text: &str, extension: &str) -> Result<Vec<Item>, String> {
    if extension == "xml" {
        of_xml(text)
    } else {
        // JSON is YAML, but for tabs between its values.
        of_yaml(&if extension == "json" {
            text.replace('\t', " ")
        } else {
            text.to_owned()
        })
    }
}

fn of_xml(text: &str) -> Result<Vec<Item>, String> {
    let document = roxmltree::Document::parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let path = root.attribute("logicalFilePath");
    let path = path.map(|path| Item::LogicalPath(path.to_owned()));
    let elements = root.children();
    let item = |element: roxmltree::Node<'_, '_>| {
        let attributes = element.attributes();
        let attributes = attributes.map(|one| (one.name().to_owned(), one.value().to_owned()));
        item(element.tag_name().name(), &attributes.collect())
    };
    let items = elements.filter(roxmltree::Node::is_element).map(item);
    Ok(path.into_iter().chain(items).collect())
}

fn of_yaml(text: &str) -> Result<Vec<Item>, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| error.to_string())?;
    let first = documents.first().unwrap_or(&Yaml::BadValue);
    let Some(list) = first["databaseChangeLog"].as_vec() else {
        return Ok(Vec::new());
    };
    let hashes = list.iter().filter_map(Yaml::as_hash);
    let pairs = hashes.flat_map(|hash| hash.iter());
    let item = |(key, value): (&Yaml, &Yaml)| {
        if let (Some("logicalFilePath"), Some(path)) = (key.as_str(), scalar(value)) {
            return Item::LogicalPath(path);
        }
        let own = value.as_hash().into_iter().flat_map(|hash| hash.iter());
        let attributes = own.filter_map(|(name, value)| Some((scalar(name)?, scalar(value)?)));
        item(&scalar(key).unwrap_or_default(), &attributes.collect())
    };
    Ok(pairs.map(item).collect())
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Boolean(yes) => Some(yes.to_string()),
        Yaml::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn item(name: &str, attributes: &Attributes) -> Item {
    let read = match name {
        "include" => include(attributes, "file", &["errorIfMissing"]),
        "includeAll" => include(
            attributes,
            "path",
            &["errorIfMissingOrEmpty", "endsWithFilter"],
        ),
        "property" => return property(attributes),
        _ => None,
    };
    read.map_or_else(|| Item::Other(name.to_owned()), Item::Include)
}

/// Values from a file, for one context or for one changelog are not read.
fn property(attributes: &Attributes) -> Item {
    let known = |name: &String| matches!(name.as_str(), "name" | "value" | "dbms");
    let global = attributes.get("global").is_none_or(|own| own == "true");
    let all_known = attributes
        .keys()
        .all(|name| known(name) || name == "global");
    match (attributes.get("name"), attributes.get("value")) {
        (Some(name), Some(value)) if all_known && global => {
            Item::Property(name.clone(), value.clone(), attributes.get("dbms").cloned())
        }
        _ => Item::Other("property".to_owned()),
    }
}

/// None if it has an attribute that is not read.
fn include(attributes: &Attributes, what: &str, others: &[&str]) -> Option<Include> {
    const CONDITIONS: [&str; 3] = ["context", "contextFilter", "labels"];
    let known = |name: &str| {
        name == what
            || name == "relativeToChangelogFile"
            || CONDITIONS.contains(&name)
            || others.contains(&name)
    };
    if !attributes.keys().all(|name| known(name)) {
        return None;
    }
    let is = |name: &str, value: &str| attributes.get(name).is_some_and(|own| own == value);
    let has = |name: &&str| {
        attributes
            .get(*name)
            .is_some_and(|own| !own.trim().is_empty())
    };
    Some(Include {
        path: attributes.get(what)?.clone(),
        is_folder: what == "path",
        relative: is("relativeToChangelogFile", "true"),
        ending: attributes
            .get("endsWithFilter")
            .cloned()
            .unwrap_or_default(),
        may_be_missing: is("errorIfMissing", "false") || is("errorIfMissingOrEmpty", "false"),
        is_conditional: CONDITIONS.iter().any(has),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_say_the_same() {
        let xml = r#"<?xml version="1.0"?>
            <databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" logicalFilePath="log">
              <!-- the first -->
              <include file="a.sql" relativeToChangelogFile="true"/>
              <includeAll path="b/" endsWithFilter=".sql" context="prod"/>
              <property name="x" value="1" dbms="h2"/>
              <changeSet id="1" author="ann"/>
            </databaseChangeLog>"#;
        let yaml = "databaseChangeLog:\n- logicalFilePath: log\n- include:\n    file: a.sql\n    relativeToChangelogFile: true\n- includeAll: {path: b/, endsWithFilter: .sql, context: prod}\n- property: {name: x, value: 1, dbms: h2, global: true}\n- changeSet: {id: 1, author: ann}\n";
        let json = "{\"databaseChangeLog\": [\n\t{\"logicalFilePath\": \"log\"},\n\t{\"include\": {\"file\": \"a.sql\", \"relativeToChangelogFile\": true}},\n\t{\"includeAll\": {\"path\": \"b/\", \"endsWithFilter\": \".sql\", \"context\": \"prod\"}},\n\t{\"property\": {\"name\": \"x\", \"value\": \"1\", \"dbms\": \"h2\"}},\n\t{\"changeSet\": {\"id\": \"1\"}}]}";
        let expected = [
            Item::LogicalPath("log".to_owned()),
            Item::Include(Include {
                path: "a.sql".to_owned(),
                relative: true,
                ..Include::default()
            }),
            Item::Include(Include {
                path: "b/".to_owned(),
                is_folder: true,
                ending: ".sql".to_owned(),
                is_conditional: true,
                ..Include::default()
            }),
            Item::Property("x".to_owned(), "1".to_owned(), Some("h2".to_owned())),
            Item::Other("changeSet".to_owned()),
        ];
        for (text, extension) in [(xml, "xml"), (yaml, "yaml"), (json, "json")] {
            assert_eq!(items(text, extension).unwrap(), expected, "{extension}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_passed_over() {
        let filtered =
            r#"<databaseChangeLog><includeAll path="b" filter="my.Filter"/></databaseChangeLog>"#;
        let other = Item::Other("includeAll".to_owned());
        assert_eq!(items(filtered, "xml").unwrap(), [other]);
        assert!(items("<databaseChangeLog>", "xml").is_err());
        assert!(items("a: [", "yaml").is_err());
    }
}
