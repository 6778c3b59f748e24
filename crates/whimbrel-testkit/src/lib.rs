//! For tests alone: private database servers on free ports, a database per test.
//!
//! A test binary starts each server that it needs once. A watchdog process that holds nothing but
//! a pipe to the test process ends the server when the test process is gone, however it went.

mod certificates;
mod d1;
mod engines;
mod files;
mod mysql;
mod pooler;
mod postgres;
mod process;
mod programs;
mod proxy;

pub use certificates::{Authority, Certificate};
pub use d1::{D1Server, Fate, Line, Texts, d1};
pub use engines::{Server, ask, block_on, database, server};
pub use files::Files;
pub use mysql::{Maker, MysqlServer, mariadb, mariadb_newest, mysql};
pub use pooler::{PoolMode, Pooler};
pub use postgres::{PostgresServer, Session, postgres, postgres_newest, postgres_oldest};
pub use process::Daemon;
pub use proxy::{Fault, Proxy};

use std::sync::atomic::{AtomicU32, Ordering};

/// A name that no other test of this process has.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!(
        "{prefix}_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
