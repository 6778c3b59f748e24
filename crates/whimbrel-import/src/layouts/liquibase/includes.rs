//! What a changelog in XML, YAML or JSON lists, in its order.

use super::node::Node;

/// One entry of such a changelog.
#[derive(Debug)]
pub(super) enum Item {
    Include(Include),
    Property(Property),
    Changeset(Node),
    /// What must hold for anything to run.
    Preconditions(Node),
    /// What Whimbrel does not read.
    Other(Node),
}

/// A file, or all files of a folder.
#[derive(Clone, Debug)]
pub(super) struct Include {
    pub(super) path: String,
    pub(super) is_folder: bool,
    /// To the changelog's own folder; else to a place from which the program looks for files.
    pub(super) relative: bool,
    /// What the names in a folder have to end with.
    pub(super) ending: String,
    /// How deep in a folder they may be; 1 is in it.
    pub(super) depths: std::ops::RangeInclusive<usize>,
    pub(super) may_be_missing: bool,
    pub(super) chosen: Chosen,
    /// What all that it includes and that has no name of its own is called.
    pub(super) logical_path: Option<String>,
    pub(super) at: std::ops::Range<usize>,
}

/// The contexts and labels of a changelog or of an include: those of all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) context: Option<String>,
    pub(super) labels: Option<String>,
}

/// A value for `${name}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) value: String,
    /// The databases that it is for.
    pub(super) dbms: Option<String>,
}

impl Chosen {
    pub(super) fn of(node: &Node) -> Self {
        let given = |name: &str| {
            let text = node.get(name).filter(|text| !text.trim().is_empty());
            text.map(str::to_owned)
        };
        Self {
            context: given("contextFilter").or_else(|| given("context")),
            labels: given("labels"),
        }
    }
}

/// What a changelog says of itself and changes nothing here.
const WITHOUT_EFFECT: [&str; 8] = [
    "logicalFilePath",
    "context",
    "contextFilter",
    "labels",
    "changeLogId",
    "objectQuotingStrategy",
    "schemaLocation",
    "noNamespaceSchemaLocation",
];

/// The entries of a changelog.
pub(super) fn items(root: Node, extension: &str) -> Vec<Item> {
    let mut items: Vec<_> = root.children.into_iter().filter_map(item).collect();
    if extension != "xml" {
        // Liquibase takes all properties of such a file first.
        items.sort_by_key(|item| !matches!(item, Item::Property(_)));
    }
    items
}

fn item(node: Node) -> Option<Item> {
    let read = match node.name.as_str() {
        "changeSet" => return Some(Item::Changeset(node)),
        "preConditions" | "preconditions" => return Some(Item::Preconditions(node)),
        "include" | "includeAll" if node.is("ignore", false) => return None,
        "include" | "includeAll" => Some(&node)
            .filter(|node| is_read(node))
            .and_then(include)
            .map(Item::Include),
        "property" => property(&node),
        name if WITHOUT_EFFECT.contains(&name) => return None,
        _ => None,
    };
    Some(read.unwrap_or(Item::Other(node)))
}

/// Values from a file, for one context or for one changelog are not read.
fn property(node: &Node) -> Option<Item> {
    let known = |child: &Node| matches!(child.name.as_str(), "name" | "value" | "dbms" | "global");
    if !node.children.iter().all(known) || !node.is("global", true) {
        return None;
    }
    Some(Item::Property(Property {
        name: node.get("name")?.to_owned(),
        value: node.get("value")?.to_owned(),
        dbms: node.get("dbms").map(str::to_owned),
    }))
}

/// False if an include has an attribute that is not read.
fn is_read(node: &Node) -> bool {
    const BOTH: [&str; 6] = [
        "relativeToChangelogFile",
        "context",
        "contextFilter",
        "labels",
        "logicalFilePath",
        "ignore",
    ];
    let others: &[&str] = match node.name.as_str() {
        "include" => &["file", "errorIfMissing"],
        _ => &[
            "path",
            "errorIfMissingOrEmpty",
            "endsWithFilter",
            "minDepth",
            "maxDepth",
        ],
    };
    let known = |name: &str| BOTH.contains(&name) || others.contains(&name);
    node.children.iter().all(|child| known(&child.name))
}

/// What an `include` or `includeAll` leads to, as far as it can be told.
pub(super) fn include(node: &Node) -> Option<Include> {
    let is_folder = node.name == "includeAll";
    let must_be = node.is("errorIfMissing", true) && node.is("errorIfMissingOrEmpty", true);
    let depth = |name: &str| node.get(name).and_then(|text| text.trim().parse().ok());
    Some(Include {
        path: node
            .get(if is_folder { "path" } else { "file" })?
            .trim()
            .to_owned(),
        is_folder,
        relative: node.is("relativeToChangelogFile", false),
        ending: node.get("endsWithFilter").unwrap_or_default().to_owned(),
        depths: depth("minDepth").unwrap_or(1)..=depth("maxDepth").unwrap_or(usize::MAX),
        may_be_missing: !must_be,
        chosen: Chosen::of(node),
        logical_path: node.get("logicalFilePath").map(str::to_owned),
        at: node.at.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, extension: &str) -> Vec<Item> {
        let root = Node::read(text, extension).unwrap().unwrap();
        items(root, extension)
    }

    #[test]
    fn three_forms_say_the_same() {
        let xml = r#"<?xml version="1.0"?>
            <databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" logicalFilePath="log">
              <!-- the first -->
              <property name="x" value="1" dbms="h2"/>
              <include file="a.sql" relativeToChangelogFile="true" logicalFilePath="b"/>
              <includeAll path="b/" endsWithFilter=".sql" context="prod"/>
              <include file="c.sql" ignore="true"/>
              <changeSet id="1" author="ann"/>
            </databaseChangeLog>"#;
        let yaml = "databaseChangeLog:\n- logicalFilePath: log\n- include:\n    file: a.sql\n    relativeToChangelogFile: yes\n    logicalFilePath: b\n- includeAll: {path: b/, endsWithFilter: .sql, context: prod}\n- property: {name: x, value: 1, dbms: h2, global: true}\n- changeSet: {id: 1, author: ann}\n";
        let json = "{\"databaseChangeLog\": [\n\t{\"logicalFilePath\": \"log\"},\n\t{\"include\": {\"file\": \"a.sql\", \"relativeToChangelogFile\": true, \"logicalFilePath\": \"b\"}},\n\t{\"includeAll\": {\"path\": \"b/\", \"endsWithFilter\": \".sql\", \"context\": \"prod\"}},\n\t{\"property\": {\"name\": \"x\", \"value\": \"1\", \"dbms\": \"h2\"}},\n\t{\"changeSet\": {\"id\": \"1\"}}]}";
        for (text, extension) in [(xml, "xml"), (yaml, "yaml"), (json, "json")] {
            let found = read(text, extension);
            let [
                Item::Property(value),
                Item::Include(file),
                Item::Include(folder),
                Item::Changeset(changeset),
            ] = found.as_slice()
            else {
                panic!("{extension}: {found:?}")
            };
            assert_eq!((value.name.as_str(), value.value.as_str()), ("x", "1"));
            assert_eq!(value.dbms.as_deref(), Some("h2"));
            assert_eq!((file.path.as_str(), file.relative), ("a.sql", true));
            assert_eq!(file.logical_path.as_deref(), Some("b"));
            assert_eq!((folder.path.as_str(), folder.is_folder), ("b/", true));
            assert_eq!(folder.ending, ".sql");
            assert_eq!(folder.chosen.context.as_deref(), Some("prod"));
            assert_eq!(changeset.get("id"), Some("1"));
        }
    }

    #[test]
    fn what_is_not_understood_is_not_passed_over() {
        let filtered =
            r#"<databaseChangeLog><includeAll path="b" filter="my.Filter"/></databaseChangeLog>"#;
        let found = read(filtered, "xml");
        assert!(matches!(&found[..], [Item::Other(node)] if node.name == "includeAll"));
        assert!(Node::read("<databaseChangeLog>", "xml").is_err());
        assert!(Node::read("a: [", "yaml").is_err());
        assert!(Node::read("a: 1\na: 2\n", "yaml").is_err());
        assert!(Node::read("a: 1\n", "yaml").unwrap().is_none());
    }
}
