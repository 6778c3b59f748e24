//! What the tools' own connections set, where it changes what a script does.

use whimbrel_core::rules::Setting;
use whimbrel_sql::Dialect;

const fn setting(name: &'static str, value: &'static str) -> Setting {
    Setting { name, value }
}

const UTC: Setting = setting("TimeZone", "'UTC'");
const DATES: Setting = setting("DateStyle", "'ISO, MDY'");
const MYSQL_UTC: Setting = setting("time_zone", "'+00:00'");
/// `||` puts strings together.
const MYSQL_PIPES: Setting = setting(
    "sql_mode",
    "CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION,IGNORE_SPACE')",
);
/// A function's name and its parenthesis may stand apart.
const MYSQL_SPACE: Setting = setting("sql_mode", "CONCAT(@@sql_mode, ',IGNORE_SPACE')");

pub(super) fn sqlx(dialect: Dialect) -> &'static [Setting] {
    match dialect {
        Dialect::Postgres => &[UTC, DATES],
        Dialect::Mysql => &[MYSQL_UTC, MYSQL_PIPES],
        Dialect::Sqlite => &[],
    }
}

pub(super) fn diesel(dialect: Dialect) -> &'static [Setting] {
    match dialect {
        Dialect::Postgres => &[UTC],
        Dialect::Mysql => &[MYSQL_UTC],
        Dialect::Sqlite => &[],
    }
}

/// By Node's driver of MySQL.
pub(super) fn drizzle(dialect: Dialect) -> &'static [Setting] {
    match dialect {
        Dialect::Mysql => &[MYSQL_SPACE],
        Dialect::Postgres | Dialect::Sqlite => &[],
    }
}
