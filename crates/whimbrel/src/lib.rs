//! Database schema migrations that survive whatever dies.
//!
//! A [`Migrator`] is all that an application needs. Nothing touches the database before the first
//! call, and each call opens a connection of its own and closes it.
//!
//! ```
//! use whimbrel::{Migrator, source::Embedded};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), whimbrel::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let url = format!("sqlite:{}/app.db", folder.path().display());
//! let files = [("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE users;\n")];
//! let migrator = Migrator::builder(&url).source(Embedded::new(files)).build()?;
//! let report = migrator.up().await?;
//! assert_eq!(report.steps.len(), 1);
//! assert!(migrator.is_up_to_date().await?);
//! migrator.down().await?;
//! assert_eq!(migrator.pending().await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Engines are cargo features: `sqlite` (on by default), `postgres`, `mysql`, `d1`.

mod migrator;

pub use migrator::{Migrator, MigratorBuilder};
pub use tokio_util::sync::CancellationToken;
pub use whimbrel_core::{
    Error, TOOL, checksum, diagnostic, directive, driver, error, event, history, migration, plan,
    report, runner, source, takeover, text, version,
};
#[cfg(feature = "d1")]
pub use whimbrel_drivers::d1;
#[cfg(feature = "postgres")]
pub use whimbrel_drivers::postgres::supabase_project;
pub use whimbrel_import as import;
pub use whimbrel_sql as sql;
