//! Placeholders whose values the server gives.

use whimbrel_sql::Dialect;

use crate::directive::Directives;
use crate::driver::Driver;
use crate::error::Error;
use crate::hook::Hook;
use crate::migration::Migration;
use crate::rules::{Placeholders, ServerFact};

/// Asks the server once, if any script wants to know.
pub(super) async fn fill(
    driver: &mut dyn Driver,
    migrations: &mut [Migration],
    hooks: &mut [Hook],
) -> Result<(), Error> {
    let of_migrations = migrations.iter_mut().map(|m| &mut m.directives);
    let of_hooks = hooks.iter_mut().map(|hook| &mut hook.directives);
    let mut wanting: Vec<_> = of_migrations.chain(of_hooks).filter(|d| wants(d)).collect();
    if wanting.is_empty() {
        return Ok(());
    }
    let rows = match driver.dialect() {
        Dialect::Postgres => {
            let sql = "SELECT current_user, current_database(), current_schema()";
            driver.query(sql).await?
        }
        Dialect::Mysql => {
            let sql = "SELECT SUBSTRING_INDEX(USER(), '@', 1), DATABASE(), DATABASE()";
            driver.query(sql).await?
        }
        // It knows no users, its database has no name, and the file need not be there yet.
        Dialect::Sqlite => vec![vec![None, None, Some("main".to_owned())]],
    };
    let row = rows.into_iter().next().unwrap_or_default();
    let value = |fact: ServerFact| {
        let column = match fact {
            ServerFact::User => 0,
            ServerFact::Database => 1,
            ServerFact::Schema => 2,
        };
        row.get(column).cloned().flatten()
    };
    for directives in &mut wanting {
        if let Placeholders::On { values, server, .. } = &mut directives.rules.placeholders {
            let known = server
                .iter()
                .filter_map(|(key, fact)| Some((key.clone(), value(*fact)?)));
            values.extend(known);
        }
    }
    Ok(())
}

fn wants(directives: &Directives) -> bool {
    matches!(&directives.rules.placeholders, Placeholders::On { server, .. } if !server.is_empty())
}
