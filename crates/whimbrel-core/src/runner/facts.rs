//! Placeholders whose values the server gives.

use whimbrel_sql::Dialect;

use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::driver::Driver;
use crate::error::Error;
use crate::hook::Hook;
use crate::migration::Migration;
use crate::rules::{Placeholders, ServerFact, WorksIn};

/// Asks the server once, if any script wants to know.
///
/// # Errors
/// The connection fails, or works elsewhere than the project's settings say.
pub(super) async fn fill(
    driver: &mut dyn Driver,
    migrations: &mut [Migration],
    hooks: &mut [Hook],
) -> Result<(), Error> {
    let migrations = migrations.iter_mut().filter(|m| wants(&m.directives));
    let of_migrations = migrations.map(|m| &mut *m.directives);
    let of_hooks = hooks.iter_mut().map(|hook| &mut hook.directives);
    let mut wanting: Vec<_> = of_migrations.chain(of_hooks.filter(|d| wants(d))).collect();
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
    let schema = value(ServerFact::Schema);
    for directives in &mut wanting {
        if let Some(named) = &directives.rules.schema {
            works_in(named, schema.as_deref())?;
        }
        if let Placeholders::On { values, server, .. } = &mut directives.rules.placeholders {
            let known = server
                .iter()
                .filter_map(|(key, fact)| Some((key.clone(), value(*fact)?)));
            values.extend(known);
        }
    }
    Ok(())
}

/// What a script makes without naming a schema would be made in the wrong one.
fn works_in(named: &WorksIn, here: Option<&str>) -> Result<(), Error> {
    if here == Some(named.schema.as_str()) {
        return Ok(());
    }
    let here = here.unwrap_or("none that is there");
    let message = format!(
        "{} has scripts work in the schema {}, and this connection works in {here}",
        named.setting, named.schema
    );
    let help = format!(
        "begin each connection there: make the schema if it is not there, and add `options=-csearch_path%3D{}` to the URL's parameters; {}",
        named.schema, named.without
    );
    Err(Error::refused(
        Diagnostic::error("other-schema", message).help(help),
    ))
}

fn wants(directives: &Directives) -> bool {
    directives.rules.schema.is_some()
        || matches!(&directives.rules.placeholders, Placeholders::On { server, .. } if !server.is_empty())
}
