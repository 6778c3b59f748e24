//! The databases that a changeset is for.

use std::ops::Range;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::rules::{Condition, Otherwise};
use whimbrel_core::source::Listing;
use whimbrel_sql::Dialect;

/// The layout's option.
pub(super) const OPTION: &str = "dbms";
const MYSQL: &str = "mysql";
const MARIADB: &str = "mariadb";

/// The database, as far as it is known before it is asked: MySQL and MariaDB are two to Liquibase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dbms {
    dialect: Dialect,
    told: Option<&'static str>,
}

impl From<Dialect> for Dbms {
    fn from(dialect: Dialect) -> Self {
        Self {
            dialect,
            told: None,
        }
    }
}

impl Dbms {
    /// # Errors
    /// The option names another one.
    pub(super) fn of(listing: &Listing, dialect: Dialect) -> Result<Self, Error> {
        let told = match listing.options.get(OPTION).map(String::as_str) {
            Some(MYSQL) => Some(MYSQL),
            Some(MARIADB) => Some(MARIADB),
            None => None,
            Some(_) => {
                let message = "the layout's option dbms must be mysql or mariadb";
                return Err(Error::Settings(message.to_owned()));
            }
        };
        Ok(Self { dialect, told })
    }

    /// Each that there may be.
    pub(super) fn all() -> [Self; 4] {
        let told = |name| Self {
            dialect: Dialect::Mysql,
            told: Some(name),
        };
        [
            Dialect::Postgres.into(),
            Dialect::Sqlite.into(),
            told(MYSQL),
            told(MARIADB),
        ]
    }

    pub(super) fn dialect(self) -> Dialect {
        self.dialect
    }

    /// True if a list of databases may be about this one: `postgresql,mysql`, `!h2`. An empty one is about all.
    pub(super) fn is_for(self, list: &str) -> bool {
        match (self.dialect, self.told) {
            (Dialect::Postgres, _) => holds(list, &["postgresql", "postgres"]),
            (Dialect::Sqlite, _) => holds(list, &["sqlite"]),
            (Dialect::Mysql, Some(name)) => holds(list, &[name]),
            (Dialect::Mysql, None) => holds(list, &[MYSQL]) || holds(list, &[MARIADB]),
        }
    }

    /// The one of MySQL and MariaDB that a list is about, where that has to be asked.
    fn only(self, list: &str) -> Option<&'static str> {
        if self.dialect != Dialect::Mysql || self.told.is_some() {
            return None;
        }
        match (holds(list, &[MYSQL]), holds(list, &[MARIADB])) {
            (true, false) => Some(MYSQL),
            (false, true) => Some(MARIADB),
            _ => None,
        }
    }

    /// What is true in SQL on the server that a list is about, where that has to be asked.
    pub(super) fn asked(self, list: &str) -> Option<&'static str> {
        Some(match self.only(list)? {
            MARIADB => "version() LIKE '%MariaDB%'",
            _ => "version() NOT LIKE '%MariaDB%'",
        })
    }

    /// What a changeset's list asks the server.
    pub(super) fn condition(self, list: &str, span: Range<usize>) -> Option<Condition> {
        Some(Condition {
            sql: "SELECT CASE WHEN version() LIKE '%MariaDB%' THEN 'mariadb' ELSE 'mysql' END"
                .to_owned(),
            expected: self.only(list)?.to_owned(),
            span,
            on_fail: Otherwise::PassOver,
            on_error: Otherwise::Stop,
        })
    }

    /// What can't be asked where it stands: a value, a part of a changeset.
    pub(super) fn unclear(self, list: &str) -> Option<Diagnostic> {
        let name = self.only(list)?;
        let message = format!("this is for {name}, and Liquibase takes MySQL and MariaDB for two");
        let help = "say which the database is: `--layout-option dbms=mysql` or `dbms=mariadb`";
        Some(Diagnostic::error("liquibase-dbms", message).help(help))
    }
}

fn holds(list: &str, own: &[&str]) -> bool {
    let is_own = |name: &str| own.iter().any(|own| own.eq_ignore_ascii_case(name));
    let names = list.split(',').map(str::trim);
    let mut names = names.filter(|name| !name.is_empty());
    let not_here = |name: &str| name.strip_prefix('!').is_some_and(is_own);
    if names.clone().any(not_here) {
        return false;
    }
    let all = names.clone().all(|name| name.starts_with('!'));
    all || names.any(|name| is_own(name) || name.eq_ignore_ascii_case("all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen beside Liquibase 4.31 with the drivers of both.
    #[test]
    fn mysql_and_mariadb_are_two() {
        let untold = Dbms::from(Dialect::Mysql);
        let [_, _, mysql, mariadb] = Dbms::all();
        let table = [
            ("mysql", Some("mysql"), true, false),
            ("mariadb,h2", Some("mariadb"), false, true),
            ("mysql, mariadb", None, true, true),
            ("!mysql", Some("mariadb"), false, true),
            ("!h2", None, true, true),
            ("", None, true, true),
            ("oracle", None, false, false),
        ];
        for (list, only, on_mysql, on_mariadb) in table {
            assert_eq!(untold.only(list), only, "{list}");
            let found = (mysql.is_for(list), mariadb.is_for(list));
            assert_eq!(found, (on_mysql, on_mariadb), "{list}");
            assert_eq!(untold.is_for(list), on_mysql || on_mariadb, "{list}");
            assert_eq!(mysql.only(list), None);
            assert_eq!(Dbms::from(Dialect::Postgres).only(list), None);
        }
    }
}
