//! Files that make another tool's table.

use whimbrel_core::rules::{Condition, Otherwise};
use whimbrel_sql::{Dialect, ObjectKind, Target, Verb, split, targets};

use super::tool::Tool;
use super::tools::TOOLS;

/// Nobody's table takes more to be made.
const LONGEST: usize = 8 * 1024;

/// The table that a tool keeps its history in.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackingTable<'a> {
    pub(super) name: &'a str,
    pub(super) dialect: Dialect,
}

impl TrackingTable<'_> {
    /// The table as a script makes it, if it makes this one and touches nothing else.
    pub(super) fn is_all_that_is_made(self, text: &str) -> Option<Target> {
        let statements = split(text, self.dialect).ok()?;
        let mut made = None;
        for statement in &statements {
            let facts = &statement.facts;
            let targets = targets(&text[statement.span()], self.dialect);
            let mut tables = targets
                .into_iter()
                .filter(|t| t.kind == ObjectKind::Table)
                .peekable();
            let first = tables.peek().cloned();
            let about_it = first.is_some()
                && tables.all(|table| table.name.eq_ignore_ascii_case(self.name))
                && matches!(facts.object, Some(ObjectKind::Table | ObjectKind::Index));
            if !about_it && facts.verb != Verb::Comment {
                return None;
            }
            if facts.verb == Verb::Create && facts.object == Some(ObjectKind::Table) {
                made = first;
            }
        }
        made
    }
}

/// That the table of some tool is missing, if that is what a script makes and all that it makes.
pub(super) fn condition(script: &str, dialect: Dialect) -> Option<Condition> {
    if script.len() > LONGEST {
        return None;
    }
    let lower = script.to_ascii_lowercase();
    let made = TOOLS.iter().find_map(|tool| {
        // A table of a general name is the tool's if it has its columns.
        let columns = tool.columns.iter().filter(|column| column.needed);
        let is_its = lower.contains(tool.table) && columns.into_iter().all(|c| has(&lower, c.name));
        let is_others = tool.unlike.iter().any(|name| has(&lower, name));
        (is_its && !is_others).then(|| table_of(tool, script, dialect))?
    })?;
    Some(Condition {
        sql: query(&made, dialect),
        expected: format!("no table {}", made.name),
        span: 0..0,
        on_fail: Otherwise::Record,
        on_error: Otherwise::Run,
    })
}

fn table_of(tool: &Tool, script: &str, dialect: Dialect) -> Option<Target> {
    let table = TrackingTable {
        name: tool.table,
        dialect,
    };
    table.is_all_that_is_made(script)
}

/// True if a word stands in a text.
fn has(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_word(c)).any(|one| one == word)
}

/// Gives what is there in words.
fn query(table: &Target, dialect: Dialect) -> String {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''").replace('\\', ""));
    let name = literal(&table.name);
    let there = match (dialect, &table.schema) {
        (Dialect::Sqlite, _) => {
            format!(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower({name})"
            )
        }
        (Dialect::Postgres, None) => {
            format!(
                "SELECT 1 FROM pg_catalog.pg_class c WHERE c.relname = {name} AND pg_catalog.pg_table_is_visible(c.oid)"
            )
        }
        (Dialect::Postgres, Some(schema)) => format!(
            "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = {name} AND n.nspname = {}",
            literal(schema)
        ),
        (Dialect::Mysql, schema) => format!(
            "SELECT 1 FROM information_schema.tables WHERE table_name = {name} AND table_schema = {}",
            schema
                .as_deref()
                .map_or_else(|| "DATABASE()".to_owned(), literal)
        ),
    };
    let (no, yes) = (
        literal(&format!("no table {}", table.name)),
        literal(&format!("a table {}", table.name)),
    );
    format!("SELECT CASE WHEN EXISTS ({there}) THEN {yes} ELSE {no} END")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(script: &str) -> Option<String> {
        condition(script, Dialect::Postgres).map(|condition| condition.sql)
    }

    #[test]
    fn only_a_tools_own_table_counts() {
        let made = "-- Created: 2024\nCREATE TABLE IF NOT EXISTS public.schema_migrations (id serial PRIMARY KEY, migration_name text UNIQUE, executed_at timestamptz);\nCREATE INDEX i ON public.schema_migrations (executed_at);\nCOMMENT ON TABLE public.schema_migrations IS 'x';\n";
        let sql = asked(made).unwrap();
        assert!(
            sql.contains("relname = 'schema_migrations' AND n.nspname = 'public'"),
            "{sql}"
        );
        assert!(asked("CREATE TABLE schema_migrations (version bigint, dirty boolean)").is_some());
        assert!(
            asked(
                "CREATE TABLE migrations (id text, name text, executed_at timestamptz, batch int)"
            )
            .is_some()
        );
        for other in [
            "CREATE TABLE migrations (bird text, day date);",
            "CREATE TABLE changes (id int);",
            "CREATE TABLE schema_migrations (migration_name text); CREATE TABLE users (id int);",
            "CREATE TABLE schema_migrations (migration_name text); INSERT INTO schema_migrations VALUES ('a');",
            "DROP TABLE schema_migrations; -- migration_name",
            "SELECT 1",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
    }
}
