use std::sync::Arc;

use whimbrel_core::text::{Script, SourceFile};

use super::Node;

/// Whatever was escaped, folded or set in, an error's place is that in the changelog.
#[test]
fn texts_know_where_they_stand() {
    let xml = "<databaseChangeLog>\n  <changeSet>\n    <sql>\n      SELECT 1 &lt; 2;\n      <![CDATA[ SELECT 3;\nSELECT 4 ]]></sql></changeSet></databaseChangeLog>";
    let yaml = "databaseChangeLog:\n- changeSet:\n    changes:\n    - sql:\n        sql: |\n          SELECT 'é\n            3';\n          SELECT 4\n";
    let json =
        "{\"databaseChangeLog\": [{\"changeSet\": {\n\"sql\": \"SELECT \\\"1\\\";\\nSELECT 4\"}}]}";
    let table = [
        (xml, "xml", (6, 1)),
        (yaml, "yaml", (8, 11)),
        (json, "json", (2, 24)),
    ];
    for (text, extension, expected) in table {
        let root = Node::read(text, extension).unwrap().unwrap();
        let changeset = root.child("changeSet").unwrap();
        let changes = changeset.child("changes").unwrap_or(changeset);
        let found = changes.child("sql").unwrap().content().unwrap();
        let file = SourceFile::new("a", text);
        let alone = Script::whole(SourceFile::new("a", found.value.as_str()));
        let script = alone.standing_in(&file, &found.places(&file));
        assert_eq!(script.text(), found.value, "{extension}");
        assert!(Arc::ptr_eq(script.file(), &file));
        let place = script.place(script.text().find("SELECT 4").unwrap());
        assert_eq!((place.line, place.column), expected, "{extension}");
    }
}
