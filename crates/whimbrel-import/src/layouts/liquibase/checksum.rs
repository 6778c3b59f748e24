//! The checksum that Liquibase keeps of a changeset in formatted SQL, as its versions 4.20 and 4.31
//! were seen to take it.

use md5::{Digest, Md5};
use whimbrel_core::migration::Migration;
use whimbrel_core::rules::Placeholders;
use whimbrel_sql::Dialect;

use super::attributes::Attributes;
use super::parse::{Changeset, parse};

/// Whether a changeset's file is what a stored checksum was taken of; none where that can't be
/// said: another form of checksum, a value that only a run of Liquibase had.
pub(crate) fn is_unchanged(migration: &Migration, stored: &str) -> Option<bool> {
    let (form, _) = stored.split_once(':')?;
    let file = &migration.file;
    // Which properties hold for the engine was found out when the file was loaded.
    let changelog = parse(
        file,
        Dialect::Postgres,
        &mut std::collections::BTreeMap::new(),
    );
    let is_it = |one: &&Changeset| {
        let end = format!("::{}:{}", one.author, one.id);
        migration.version.as_str().ends_with(&end)
    };
    let changeset = changelog.changesets.iter().find(is_it)?;
    let attributes = Attributes::parse(file, changeset.attributes.clone());
    let lines = changeset.lines.iter();
    let lines: Vec<_> = lines
        .map(|line| file.text()[line.clone()].trim_end_matches(['\r', '\n']))
        .collect();
    let sql = expanded(migration, &lines.join("\n"))?;
    let sums = match form {
        "9" => vec![sum(form, &sql.split_whitespace().collect::<String>())],
        "8" => {
            let words: Vec<_> = sql.split_whitespace().collect();
            let words = words.join(" ");
            let delimiter = attributes.get("endDelimiter").unwrap_or("null");
            let rest = format!(
                ":{}:{}:{words}",
                attributes.is("splitStatements", true),
                attributes.is("stripComments", true)
            );
            // A delimiter in quotes keeps them.
            let spelt = [delimiter.to_owned(), format!("\"{delimiter}\"")];
            spelt
                .iter()
                .map(|one| sum(form, &format!("{one}{rest}")))
                .collect()
        }
        _ => return None,
    };
    Some(sums.iter().any(|sum| sum == stored))
}

/// That of a changeset with one change in it.
fn sum(form: &str, normalised: &str) -> String {
    let change = hex(normalised);
    format!("{form}:{}", hex(&format!("{form}:{change}:")))
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
}
