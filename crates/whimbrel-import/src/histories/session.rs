//! Files that are read as Whimbrel's own although their tool, whose history is here, gives them
//! another session.

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::Migration;
use whimbrel_sql::Dialect;

use super::tool::Tool;

/// A word about it. Nothing but these tools' histories tells their files from native ones.
pub(super) fn read_otherwise(
    tool: &Tool,
    dialect: Dialect,
    migrations: &[Migration],
) -> Option<Diagnostic> {
    let unset = |m: &Migration| m.directives.rules.settings.is_empty();
    let unswitched = |m: &Migration| m.directives.foreign_keys.is_none();
    let (how, differs) = match (tool.name, dialect) {
        ("sqlx", Dialect::Postgres) => ("in the time zone UTC", migrations.iter().any(unset)),
        ("sqlx", Dialect::Mysql) => (
            "in the time zone UTC, with `||` for putting strings together",
            migrations.iter().any(unset),
        ),
        ("golang-migrate", Dialect::Sqlite) => (
            "without enforcement of foreign keys",
            migrations.iter().any(unswitched),
        ),
        _ => return None,
    };
    differs.then(|| {
        let what = format!(
            "the files are read as Whimbrel's own, and {} runs them {how}",
            tool.title
        );
        Diagnostic::warning("read-as-native", what).help(format!(
            "`--layout {name}`, or `layout = \"{name}\"` in whimbrel.toml, runs them as it does",
            name = tool.name
        ))
    })
}
