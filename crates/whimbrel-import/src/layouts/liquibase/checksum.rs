//! The checksum that Liquibase keeps of a changeset, as its versions 4.20 and 4.31
//! were seen to take it.

use md5::{Digest, Md5};
use whimbrel_core::migration::Migration;
use whimbrel_core::rules::Placeholders;
use whimbrel_sql::Dialect;

use super::attributes::{Attributes, is_for};
use super::changes::{changes, only_sql, plain_name, reading};
use super::delimiter::Reading;
use super::node::Node;
use super::parse::{Changeset, parse};

/// Whether a changeset's file is what a stored checksum was taken of; none where that can't be
/// said: another form of checksum, a value that only a run of Liquibase had.
pub(crate) fn is_unchanged(migration: &Migration, stored: &str) -> Option<bool> {
    let (form, _) = stored.split_once(':')?;
    if !matches!(form, "8" | "9") {
        return None;
    }
    let file = &migration.file;
    let extension = file.name().rsplit('.').next().unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    if matches!(extension.as_str(), "xml" | "yaml" | "yml" | "json") {
        let root = Node::read(file.text(), &extension).ok().flatten()?;
        return of_changelog(migration, &root, form, stored);
    }
    // Which properties hold for the engine was found out when the file was loaded.
    let changelog = parse(
        file,
        Dialect::Postgres,
        &mut std::collections::BTreeMap::new(),
        &|_| None,
    );
    let is_it = |one: &&Changeset| is_named(migration, &one.author, &one.id);
    let changeset = changelog.changesets.iter().find(is_it)?;
    let attributes = Attributes::parse(file, changeset.attributes.clone());
    let lines = changeset.lines.iter();
    let lines: Vec<_> = lines
        .map(|line| file.text()[line.clone()].trim_end_matches(['\r', '\n']))
        .collect();
    let sql = expanded(migration, &lines.join("\n"))?;
    let reading = Reading {
        delimiter: attributes.get("endDelimiter"),
        split: attributes.is("splitStatements", true),
        strip: attributes.is("stripComments", true),
    };
    let sums = change(form, &sql, reading);
    Some(sums.into_iter().any(|one| sum(form, &[one]) == stored))
}

fn is_named(migration: &Migration, author: &str, id: &str) -> bool {
    let end = format!("::{author}:{id}");
    migration.version.as_str().ends_with(&end)
}

/// Of a changeset in XML, YAML or JSON. Form 8 is of all of its changes, form 9 of those for the database.
fn of_changelog(migration: &Migration, root: &Node, form: &str, stored: &str) -> Option<bool> {
    let mut all = root.children.iter().filter(|node| node.name == "changeSet");
    let named = |node: &&Node| {
        let name = |name: &str| {
            let text = node.child(name)?.text.as_ref()?;
            expanded(migration, &plain_name(text)?)
        };
        let (author, id) = (name("author"), name("id"));
        author
            .zip(id)
            .is_some_and(|(author, id)| is_named(migration, &author, &id))
    };
    let changeset = all.find(named)?;
    let list: Vec<_> = changes(changeset).collect();
    // What is no SQL has a checksum of its own, which nobody needs.
    if list.is_empty() || !only_sql(changeset) {
        return None;
    }
    let dialects = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite];
    let mut result = None;
    for dialect in dialects {
        let is_here = |node: &&&Node| {
            form == "8" || node.get("dbms").is_none_or(|names| is_for(names, dialect))
        };
        let here: Vec<_> = list.iter().filter(is_here).copied().collect();
        // Form 8 is of a file's byte order mark as well.
        for mark in ["", "\u{feff}"] {
            match texts(migration, &here, form, mark) {
                Some(sums) if sum(form, &sums) == stored => return Some(true),
                Some(_) => result = Some(false),
                None => {}
            }
        }
    }
    result
}

fn texts(migration: &Migration, list: &[&Node], form: &str, mark: &str) -> Option<Vec<String>> {
    let mut files = migration.up.files();
    files.retain(|file| file.name() != migration.file.name());
    let is_file = |node: &&&Node| node.name == "sqlFile";
    // A file that is not among those of the script is for another database, or without a word.
    if list.iter().filter(is_file).count() != files.len() {
        return None;
    }
    let mut files = files.iter();
    let mut sums = Vec::new();
    for node in list {
        let text = if node.name == "sqlFile" {
            format!("{mark}{}", files.next()?.text())
        } else {
            expanded(migration, &node.content()?.value)?
        };
        sums.extend(
            change(
                form,
                text.trim_matches([' ', '\n', '\r', '\t']),
                reading(node),
            )
            .first()
            .cloned(),
        );
    }
    Some(sums)
}

/// White space to Liquibase; others are letters.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The checksum of one change: in form 8 a delimiter in quotes keeps them, so there are two.
fn change(form: &str, sql: &str, reading: Reading<'_>) -> Vec<String> {
    let words = sql.split(SPACE).filter(|word| !word.is_empty());
    let words: Vec<_> = words.collect();
    if form == "9" {
        return vec![format!("9:{}", hex(&words.concat()))];
    }
    let delimiter = reading.delimiter.unwrap_or("null");
    let rest = format!(":{}:{}:{}", reading.split, reading.strip, words.join(" "));
    let spelt = [delimiter.to_owned(), format!("\"{delimiter}\"")];
    let sums = spelt.iter().map(|one| hex(&format!("{one}{rest}")));
    sums.map(|sum| format!("8:{sum}")).collect()
}

/// That of a changeset with such changes.
fn sum(form: &str, changes: &[String]) -> String {
    let ended = changes.iter().flat_map(|one| [one.as_str(), ":"]);
    format!("{form}:{}", hex(&ended.collect::<String>()))
}

fn hex(text: &str) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let bytes = Md5::digest(text.as_bytes());
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// With the values that the files give; none if others would be needed.
fn expanded(migration: &Migration, sql: &str) -> Option<String> {
    let mut text = sql.to_owned();
    if let Placeholders::On { values, .. } = &migration.directives.rules.placeholders {
        for (key, value) in values {
            text = text.replace(&format!("${{{key}}}"), value);
        }
    }
    (!text.contains("${")).then_some(text)
}

#[cfg(test)]
mod tests {
    use whimbrel_core::source::{Embedded, Source};

    use super::*;
    use crate::layouts::liquibase::Liquibase;

    /// With what Liquibase 4.31.1 and 4.20.0 wrote for it.
    const FILE: &str = "--liquibase formatted sql
--property name:tab value:people
--changeset ada:p1
CREATE TABLE ${tab} (b int);
--changeset ada:p2 dbms:sqlite,postgresql runInTransaction:false failOnError:true
CREATE TABLE q (n text DEFAULT 'a  b\tc');

--changeset ada:p3
--comment: three
CREATE TABLE r (n text);
--rollback DROP TABLE r;
INSERT INTO r VALUES ('é ü');
--changeset ada:p4 splitStatements:FALSE endDelimiter:/
SELECT 4
/
--ignoreLines:start
SELECT 5;
--ignoreLines:end
--changeset ada:p5 endDelimiter:\";\"
SELECT 6;
/* liquibase rollback
 DROP x; */
--changeset ada:p6
SELECT '--not a comment', 'tail '

--changeset ada:p7
-- lead
/* block */ SELECT 7; -- trail
";

    const SUMS: [(&str, &str, &str); 7] = [
        (
            "p1",
            "9:ea7064260500d461a43ecdf0e733fae4",
            "8:31ec81bbb089df9b4e84b7607f368d15",
        ),
        (
            "p2",
            "9:174160ec24773e1c1e3652f8c30d04e1",
            "8:186cf07c429cb8930f96efa7bae069b5",
        ),
        (
            "p3",
            "9:322d0d2093501fd75cc0fdb88936392d",
            "8:e275502dae2222dd97efc7c67b42ee6e",
        ),
        (
            "p4",
            "9:88decf9099f10dc07478898828ff47fe",
            "8:8c561366cdd5cde8bc0fc5df40df7c5d",
        ),
        (
            "p5",
            "9:bd966cea08d188974544b71114ae3465",
            "8:ac00b17d7f4b90914a03c873adb40496",
        ),
        (
            "p6",
            "9:c0995af9518cf39b1da69732440eeac6",
            "8:a55b87c28b65f47abf77246969c4ad85",
        ),
        (
            "p7",
            "9:ab3ee4ded2d69803994687ec0339998c",
            "8:f81765658f6015e50491607870aa2068",
        ),
    ];

    fn migrations(text: &str) -> Vec<Migration> {
        let source = Embedded::new([("a.sql", text)]).layout(&Liquibase);
        source.load(Dialect::Sqlite).unwrap().migrations
    }

    #[test]
    fn the_tools_own_checksums_are_found_again() {
        let all = migrations(FILE);
        for (migration, (id, nine, eight)) in all.iter().zip(SUMS) {
            assert!(migration.version.as_str().ends_with(id));
            for stored in [nine, eight] {
                assert_eq!(is_unchanged(migration, stored), Some(true), "{id} {stored}");
            }
        }
        assert_eq!(all.len(), SUMS.len());
    }

    #[test]
    fn a_change_is_one_and_other_forms_are_not_known() {
        let changed = migrations(&FILE.replace("'a  b", "'ab c"));
        assert_eq!(is_unchanged(&changed[1], SUMS[1].2), Some(false));
        assert_eq!(is_unchanged(&changed[0], SUMS[0].1), Some(true));
        // White space alone is nothing to either.
        let spaced = migrations(&FILE.replace("CREATE TABLE r", "CREATE\n  TABLE r"));
        assert_eq!(is_unchanged(&spaced[2], SUMS[2].1), Some(true));
        assert_eq!(is_unchanged(&spaced[2], "7:abc"), None);
        assert_eq!(is_unchanged(&spaced[2], "abc"), None);
        let open = migrations(&FILE.replace("${tab}", "${other}"));
        assert_eq!(is_unchanged(&open[0], SUMS[0].1), None);
    }

    const CHANGELOG: &str = r#"<databaseChangeLog>
<property name="y" value="deep"/>
<changeSet id="1" author="ann"><sql>CREATE TABLE a(id int, t text default 'deep ${y}');
-- a comment
CREATE TABLE b(id int)</sql><sqlFile path="s/two.sql" relativeToChangelogFile="true"/>
<sql dbms="h2">SELECT nonsense</sql>
<rollback>DROP TABLE a; DROP TABLE b</rollback></changeSet>
<changeSet id="2" author="ann"><sql splitStatements="false" stripComments="true" endDelimiter="/">CREATE TABLE d(id int); -- foo
</sql><rollback/></changeSet>
<changeSet id="3" author="ann"><sqlFile path="s/two2.sql" dbms="sqlite"/></changeSet>
<changeSet id="4" author="ann"><sql dbms="h2">SELECT nonsense</sql></changeSet>
<changeSet id="7" author="ann"><sql endDelimiter="//">CREATE TABLE e7(id int) //
CREATE TABLE f7(id int, t text default 'a  &lt; ${late}')//</sql></changeSet>
</databaseChangeLog>
"#;

    /// As Liquibase 4.31.1 and 4.20.0 wrote them; the last one has a value that only a run could have had.
    #[test]
    fn those_of_other_changelogs_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("m.xml", CHANGELOG);
        write(
            "s/two.sql",
            "CREATE TABLE c(id int default '${x} ${none}');\n",
        );
        write(
            "s/two2.sql",
            "\u{feff}CREATE TABLE c2(id int);\n-- c\nCREATE  TABLE c3(id int, t text default 'é')",
        );
        let sums = [
            (
                "9:a48a3f7a8b1855d4dace690854d6eb67",
                "8:34e709d0795d55407b048ea1c5c5c0c0",
                Some(true),
            ),
            (
                "9:a181e18250cb96bc6388b2649a5a9770",
                "8:645446399ca26cb185274225d5fe17ac",
                Some(true),
            ),
            (
                "9:9d21861f659c2a1b8ee858096b280245",
                "8:e69875aa90a9e8364cce1b579c114330",
                Some(true),
            ),
            (
                "9:d41d8cd98f00b204e9800998ecf8427e",
                "8:ecb1cc22d23d9739813b3a8345767c4a",
                Some(true),
            ),
            (
                "9:311d3918416ff81645c5ea45d1d7e851",
                "8:88c6643b8c9c46e312cf2086b506e26e",
                None,
            ),
        ];
        let load = || {
            let source = whimbrel_core::source::Directory::new(folder.path());
            source
                .layout(&Liquibase)
                .load(Dialect::Sqlite)
                .unwrap()
                .migrations
        };
        let all = load();
        assert_eq!(all.len(), sums.len());
        for (migration, (nine, eight, expected)) in all.iter().zip(sums) {
            for stored in [nine, eight] {
                assert_eq!(
                    is_unchanged(migration, stored),
                    expected,
                    "{} {stored}",
                    migration.version
                );
            }
        }
        write("s/two.sql", "CREATE TABLE c(id int);\n");
        assert_eq!(is_unchanged(&load()[0], sums[0].0), Some(false));
    }
}
