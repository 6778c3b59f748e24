//! What statements outside transactions have done, and who is in their way.

use whimbrel_core::driver::{BoundStatement, Observation};
use whimbrel_sql::{Dialect, Lexer, ObjectKind, Target, TokenKind, Verb, targets};

use super::flavor::Postgres;
use crate::history_sql::Flavor;

/// A query whose one row tells what the statement changes: the state, and whether that is half-made
/// and under which name. None for statements that can't be seen in the catalog.
pub(super) fn select(statement: &BoundStatement<'_>) -> Option<String> {
    let facts = statement.facts;
    let objects = targets(statement.text, Dialect::Postgres);
    let first = objects.first()?;
    match (facts.verb, first.kind) {
        (Verb::Create, ObjectKind::Index) => {
            // The index is made in its table's schema.
            let table = objects.get(1)?;
            Some(format!(
                "SELECT CASE WHEN i.indexrelid IS NULL THEN 'absent' ELSE 'index ' || i.indexrelid || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END END, CASE WHEN NOT i.indisvalid THEN i.indexrelid::pg_catalog.regclass::text END FROM (SELECT 1) one LEFT JOIN (SELECT x.indexrelid, x.indisvalid FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid WHERE c.relname = {} AND x.indrelid = pg_catalog.to_regclass({})) i ON true",
                Postgres.literal(&first.name),
                Postgres.literal(&qualified(table)),
            ))
        }
        (Verb::Drop, ObjectKind::Index) => Some(relation(first)),
        (Verb::Create | Verb::Drop, ObjectKind::Database) => {
            Some(named("pg_database", "datname", first))
        }
        (Verb::Create | Verb::Drop, ObjectKind::Tablespace) => {
            Some(named("pg_tablespace", "spcname", first))
        }
        (Verb::Create | Verb::Drop, ObjectKind::Subscription) => {
            Some(named("pg_subscription", "subname", first))
        }
        _ => None,
    }
}

fn relation(target: &Target) -> String {
    format!(
        "SELECT coalesce('relation ' || pg_catalog.to_regclass({})::oid, 'absent'), NULL",
        Postgres.literal(&qualified(target))
    )
}

fn named(catalog: &str, column: &str, target: &Target) -> String {
    format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.{catalog} WHERE {column} = {}) THEN 'present' ELSE 'absent' END, NULL",
        Postgres.literal(&target.name)
    )
}

fn qualified(target: &Target) -> String {
    let schema = target.schema.as_deref();
    let schema = schema.map(|schema| Postgres.name(schema) + ".");
    schema.unwrap_or_default() + &Postgres.name(&target.name)
}

/// Reads the row of [`select`].
pub(super) fn observation(rows: &[Vec<Option<String>>]) -> Option<Observation> {
    let [state, invalid] = rows.first()?.as_slice() else {
        return None;
    };
    Some(Observation {
        state: state.clone()?,
        remains: invalid
            .as_ref()
            .map(|index| format!("DROP INDEX CONCURRENTLY IF EXISTS {index}")),
    })
}

/// How many names of a statement are looked up as relations.
const NAMES: usize = 40;

/// Sessions that hold locks on what the statement names, the longest transaction first. Names count in
/// whatever schema: the statement's own search_path may be gone by now.
pub(super) fn select_blockers(statement: &BoundStatement<'_>) -> String {
    let words = Lexer::new(statement.text, Dialect::Postgres).filter_map(|token| {
        let text = &statement.text[token.span];
        match token.kind {
            TokenKind::Word => Some(text.to_lowercase()),
            TokenKind::QuotedIdentifier => Some(text.trim_matches('"').replace("\"\"", "\"")),
            _ => None,
        }
    });
    let mut names: Vec<String> = words.take(NAMES * 4).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(NAMES);
    let names: Vec<_> = names.iter().map(|name| Postgres.literal(name)).collect();
    sessions(&format!(
        "a.pid <> pg_catalog.pg_backend_pid() AND a.xact_start IS NOT NULL AND EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) AND l.relation IN (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname IN ({})))",
        names.join(", ")
    ))
}

/// Sessions that a backend waits for.
pub(super) fn select_blocking(pid: i32) -> String {
    sessions(&format!("a.pid = ANY (pg_catalog.pg_blocking_pids({pid}))"))
}

/// Tells of sessions that hold something up, of which there is something to be said.
fn sessions(which: &str) -> String {
    format!(
        "SELECT 'held up by ' || coalesce(nullif(a.application_name, ''), 'a session') || ' (' || coalesce(a.usename, '?') || ', pid ' || a.pid || '), in a transaction for ' || coalesce(extract(epoch FROM pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() - a.xact_start))::bigint::text, '?') || ' s, ' || coalesce(a.state, '?') || ': ' || pg_catalog.left(pg_catalog.regexp_replace(coalesce(a.query, '?'), '\\s+', ' ', 'g'), 120) FROM pg_catalog.pg_stat_activity a WHERE {which} ORDER BY a.xact_start LIMIT 3"
    )
}
