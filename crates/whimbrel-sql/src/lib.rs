//! SQL as text: tokens, statements and what can be said of a statement without a server.
//!
//! One lexer with the rules of each [`Dialect`]; a splitter that finds statements as the
//! engines' own clients do; [`Facts`] about each statement. Everything is linear in the size of
//! the text, keeps byte positions and never panics.

mod comparison;
mod compound;
mod error;
mod facts;
mod lexer;
mod split;
mod statement;

pub use comparison::significant_eq;
pub use error::{SplitError, SplitErrorKind};
pub use facts::{
    Facts, ObjectKind, Restricted, Target, TransactionControl, Verb, facts, model, storage_engine,
    targets, written,
};
pub use lexer::{Lexer, Token, TokenKind};
pub use split::{comments, gaps, split};
pub use statement::Statement;

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite and Cloudflare D1.
    Sqlite,
}
