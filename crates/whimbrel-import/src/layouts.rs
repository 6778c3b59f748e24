//! The layouts: how each tool names, orders and runs its files. One module per tool.

mod dbmate;
mod diesel;
mod drizzle;
mod files;
mod flyway;
mod golang_migrate;
mod goose;
mod graphile_migrate;
pub(crate) mod liquibase;
mod node_pg_migrate;
mod pairs;
mod prisma;
pub(crate) mod rails;
mod read;
mod refinery;
mod session;
mod several;
mod sqitch;
mod sql_migrate;
mod sqlx;
mod supabase;
mod ts_strings;
mod variables;
mod wrangler;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::unknown_name;
use whimbrel_core::source::{Layout, NATIVE_LAYOUTS};

/// The tools' layouts.
const TOOLS: &[&dyn Layout] = &[
    &golang_migrate::GolangMigrate,
    &goose::Goose,
    &dbmate::Dbmate,
    &sql_migrate::SqlMigrate,
    &sqlx::Sqlx,
    &diesel::Diesel,
    &refinery::Refinery,
    &prisma::Prisma,
    &drizzle::Drizzle,
    &supabase::Supabase,
    &wrangler::Wrangler,
    &node_pg_migrate::NodePgMigrate,
    &graphile_migrate::GraphileMigrate,
    &flyway::Flyway,
    &liquibase::Liquibase,
    &sqitch::Sqitch,
    &rails::Rails,
    &ts_strings::TsStrings,
];

/// All layouts that Whimbrel reads.
pub fn layouts() -> Vec<&'static dyn Layout> {
    let mut layouts = NATIVE_LAYOUTS.to_vec();
    layouts.extend(TOOLS);
    layouts
}

/// A layout by its name in settings.
///
/// # Errors
/// There is none of that name; the message lists those that there are.
pub fn layout_by_name(name: &str) -> Result<&'static dyn Layout, Error> {
    let layouts = layouts();
    let found = layouts.iter().find(|layout| layout.name() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<_> = layouts.iter().map(|layout| layout.name()).collect();
        let problem = format!("there is no layout `{name}`");
        let all = format!("the layouts are: {}", known.join(", "));
        Error::Settings(unknown_name(&problem, name, &known, &all))
    })
}
