//! The engine of Whimbrel: migrations, plans, history, the runner and the driver contract.
//!
//! It knows no terminal, no environment variables and no concrete database. Applications use the
//! crate `whimbrel`; drivers implement [`driver::Driver`].

pub mod checksum;
pub mod convert;
pub mod diagnostic;
pub mod directive;
pub mod driver;
pub mod error;
pub mod event;
pub mod failpoint;
pub mod history;
pub mod hook;
pub mod migration;
pub mod plan;
pub mod report;
pub mod rules;
pub mod runner;
pub mod shared;
pub mod source;
pub mod takeover;
pub mod text;
pub mod version;

pub use error::Error;

/// The program and version written into the history.
pub const TOOL: &str = concat!("whimbrel ", env!("CARGO_PKG_VERSION"));
