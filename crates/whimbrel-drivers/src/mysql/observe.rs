//! What a schema change has done, seen in `information_schema`, and who is in its way.

mod clauses;
mod traces;

use whimbrel_core::driver::Observation;
use whimbrel_sql::{Dialect, ObjectKind, Target, Verb, targets};

use self::traces::Trace;

use super::flavor::Mysql;
use crate::history_sql::Flavor;

/// A query whose one value differs once the statement has done its work, or is NULL where that can't
/// be told; see [`Observation`]. None for statements that leave no trace there.
pub(super) fn select(statement: &str, verb: Verb) -> Option<String> {
    if !matches!(verb, Verb::Create | Verb::Alter | Verb::Drop | Verb::Rename) {
        return None;
    }
    let objects = targets(statement, Dialect::Mysql);
    if objects.is_empty() {
        return None;
    }
    // Of an index or a trigger the table is an object as well, in which others may change other things.
    let part = objects
        .iter()
        .find(|target| matches!(target.kind, ObjectKind::Index | ObjectKind::Trigger));
    let parts = match verb {
        Verb::Alter => clauses::of(statement),
        _ => None,
    };
    let states: Option<Vec<_>> = match (&parts, objects.as_slice()) {
        (Some(parts), [table]) if table.kind == ObjectKind::Table => {
            Some(vec![named(table, parts)])
        }
        _ => objects.iter().map(|target| state(target, part)).collect(),
    };
    let states = states?;
    // A statement that says nothing of a state has an empty one. MD5 is gone since MySQL 9.
    let digest = format!("SHA2(CONCAT_WS('/', {}), 256)", states.join(", "));
    let unsure = format!("CONCAT('{}', {digest})", Observation::UNSURE);
    Some(match traces::of(statement, verb, &objects) {
        Trace::Whole if parts.is_some_and(|parts| parts.replaces) => format!("SELECT {unsure}"),
        Trace::Whole => format!("SELECT {digest}"),
        Trace::OfNewOnes => {
            let all = states.join(", ");
            format!("SELECT IF(CONCAT({all}) = '', {digest}, {unsure})")
        }
        Trace::OfAllTogether => {
            let there: Vec<_> = states.iter().map(|one| format!("({one} <> '')")).collect();
            let (there, all) = (there.join(" + "), states.len());
            format!("SELECT IF({there} IN (0, {all}), {digest}, NULL)")
        }
        Trace::Uncertain => format!("SELECT {unsure}"),
    })
}

/// A digest of rows that does not depend on their order, nor on how long lists may get; empty if there
/// are none. Checksums won't do: of two columns that trade their names, the sum stays the same.
fn rows(table: &str, columns: &str, condition: &str) -> String {
    format!(
        "(SELECT IF(COUNT(*) = 0, '', CONCAT(COUNT(*), '-', BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT_WS('|', {columns}), 256), 16), 16, 10) AS UNSIGNED)))) FROM information_schema.{table} WHERE {condition})"
    )
}

fn state(target: &Target, part: Option<&Target>) -> Option<String> {
    let text = |value: &str| Flavor::literal(&Mysql, value);
    let schema = target
        .schema
        .as_deref()
        .map_or_else(|| "DATABASE()".to_owned(), text);
    let name = text(&target.name);
    let of = |prefix: &str| format!("{prefix}_SCHEMA = {schema} AND {prefix}_NAME = {name}");
    let is_table = matches!(target.kind, ObjectKind::Table | ObjectKind::View);
    if let Some(part) = part.filter(|_| is_table) {
        let only = format!(" AND INDEX_NAME = {}", text(&part.name));
        return Some(match part.kind {
            ObjectKind::Index => indexes(&schema, &name, &only),
            _ => "''".to_owned(),
        });
    }
    Some(match target.kind {
        // Whether a sequence is there stands among the tables, where it stands nowhere.
        ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence => table(&schema, &name),
        // Its table is a target of its own.
        ObjectKind::Index => "''".to_owned(),
        ObjectKind::Trigger => rows(
            "TRIGGERS",
            "EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_TIMING, ACTION_STATEMENT, DEFINER, CREATED",
            &of("TRIGGER"),
        ),
        ObjectKind::Procedure | ObjectKind::Function => rows(
            "ROUTINES",
            "ROUTINE_TYPE, ROUTINE_DEFINITION, DTD_IDENTIFIER, SECURITY_TYPE, ROUTINE_COMMENT, DEFINER, CREATED, LAST_ALTERED",
            &of("ROUTINE"),
        ),
        ObjectKind::Event => rows(
            "EVENTS",
            "EVENT_DEFINITION, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STATUS, CREATED, LAST_ALTERED",
            &of("EVENT"),
        ),
        ObjectKind::Database | ObjectKind::Schema => rows(
            "SCHEMATA",
            "DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME",
            &format!("SCHEMA_NAME = {name}"),
        ),
        _ => return None,
    })
}

/// What an ALTER TABLE is about: others may change other parts of the table.
fn named(table: &Target, parts: &clauses::Parts) -> String {
    let text = |value: &str| Flavor::literal(&Mysql, value);
    let schema = table.schema.as_deref();
    let schema = schema.map_or_else(|| "DATABASE()".to_owned(), text);
    let of = format!("TABLE_NAME = {}", text(&table.name));
    let list = |names: &[String]| {
        let names: Vec<_> = names.iter().map(|name| text(name)).collect();
        names.join(", ")
    };
    let mut states = Vec::new();
    if !parts.columns.is_empty() {
        let place = if parts.renames || parts.replaces {
            "ORDINAL_POSITION, "
        } else {
            ""
        };
        let names = list(&parts.columns);
        states.push(rows(
            "COLUMNS",
            &format!("{place}{COLUMN}"),
            &format!("TABLE_SCHEMA = {schema} AND {of} AND LOWER(COLUMN_NAME) IN ({names})"),
        ));
    }
    if !parts.indexes.is_empty() {
        let only = format!(" AND LOWER(INDEX_NAME) IN ({})", list(&parts.indexes));
        states.push(indexes(&schema, &text(&table.name), &only));
    }
    if !parts.constraints.is_empty() {
        let names = list(&parts.constraints);
        states.push(rows(
            "REFERENTIAL_CONSTRAINTS",
            REFERENCE,
            &format!(
                "CONSTRAINT_SCHEMA = {schema} AND {of} AND LOWER(CONSTRAINT_NAME) IN ({names})"
            ),
        ));
    }
    format!("CONCAT_WS('/', {})", states.join(", "))
}

/// What is looked at of a column, besides its place.
const COLUMN: &str = "COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COALESCE(COLUMN_DEFAULT, '\\0'), EXTRA, COALESCE(COLLATION_NAME, ''), COLUMN_COMMENT, COALESCE(GENERATION_EXPRESSION, '')";
/// And of a foreign key.
const REFERENCE: &str = "CONSTRAINT_NAME, REFERENCED_TABLE_NAME, UPDATE_RULE, DELETE_RULE";

fn indexes(schema: &str, name: &str, only: &str) -> String {
    rows(
        "STATISTICS",
        "INDEX_NAME, SEQ_IN_INDEX, COALESCE(COLUMN_NAME, ''), NON_UNIQUE, INDEX_TYPE, COALESCE(SUB_PART, 0), COALESCE(COLLATION, '')",
        &format!("TABLE_SCHEMA = {schema} AND TABLE_NAME = {name}{only}"),
    )
}

/// Everything about a table or a view that a statement can change. Most are made, so it is asked
/// first whether there is one: each of these queries takes the server as long as a small INSERT.
fn table(schema: &str, name: &str) -> String {
    let of =
        |prefix: &str| format!("{prefix}TABLE_SCHEMA = {schema} AND {prefix}TABLE_NAME = {name}");
    let parts = [
        rows(
            "TABLES",
            "TABLE_TYPE, ENGINE, ROW_FORMAT, TABLE_COLLATION, CREATE_OPTIONS, TABLE_COMMENT",
            &of(""),
        ),
        rows("COLUMNS", &format!("ORDINAL_POSITION, {COLUMN}"), &of("")),
        indexes(schema, name, ""),
        rows(
            "TABLE_CONSTRAINTS",
            "CONSTRAINT_NAME, CONSTRAINT_TYPE",
            &of(""),
        ),
        rows(
            "REFERENTIAL_CONSTRAINTS",
            REFERENCE,
            &format!("CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {name}"),
        ),
        rows(
            "PARTITIONS",
            "COALESCE(PARTITION_NAME, ''), COALESCE(PARTITION_METHOD, ''), COALESCE(PARTITION_EXPRESSION, ''), COALESCE(PARTITION_DESCRIPTION, '')",
            &of(""),
        ),
        rows("VIEWS", "VIEW_DEFINITION, SECURITY_TYPE, DEFINER", &of("")),
    ];
    format!(
        "IF(EXISTS (SELECT 1 FROM information_schema.TABLES WHERE {}), CONCAT_WS('/', {}), '')",
        of(""),
        parts.join(", ")
    )
}

/// Open transactions of others: one of them holds what was waited for.
pub(super) fn select_blockers() -> String {
    open_transactions("p.ID <> CONNECTION_ID()")
}

/// The same, if a connection waits for one of them now: for a table, or for a row.
pub(super) fn select_blocking(connection: u32) -> String {
    open_transactions(&format!(
        "p.ID <> {connection} AND (EXISTS (SELECT 1 FROM information_schema.PROCESSLIST w WHERE w.ID = {connection} AND w.STATE LIKE 'Waiting for%lock%') OR EXISTS (SELECT 1 FROM information_schema.INNODB_TRX x WHERE x.trx_mysql_thread_id = {connection} AND x.trx_state = 'LOCK WAIT'))"
    ))
}

/// Those at work in the same database first, then the longest.
fn open_transactions(which: &str) -> String {
    format!(
        "SELECT CONCAT('may be held up by ', p.USER, ' (connection ', p.ID, '), in a transaction for ', TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), ' s, ', LOWER(p.COMMAND), COALESCE(CONCAT(': ', LEFT(p.INFO, 120)), '')) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE {which} ORDER BY p.DB <=> DATABASE() DESC, t.trx_started LIMIT 3"
    )
}
