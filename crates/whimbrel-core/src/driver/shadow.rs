//! Optional abilities: a shadow to try migrations on, and a look at a schema.

use async_trait::async_trait;
use serde::Serialize;

use super::{Connect, DriverError};

/// How the names of shadows begin. After it come whose it is, a process and a time, with `_` between them.
pub const SHADOW_PREFIX: &str = "whimbrel_shadow_";

/// An empty database of the same kind, made to try something and then removed.
#[async_trait]
pub trait Shadow: Send + Sync {
    /// Opens connections to it.
    fn connect(&self) -> &dyn Connect;

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// Somebody is connected to it, or the connection fails.
    async fn remove(&self) -> Result<(), DriverError>;

    /// What people should know of how it came about.
    fn notes(&self) -> &[String] {
        &[]
    }
}

/// Something in a schema, in a form that is the same wherever the same statements made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SchemaObject {
    /// `table`, `column`, `index`, ...; `rows` for how many rows a table has.
    pub kind: String,
    /// Its name, with all that it takes to tell it from others.
    pub name: String,
    /// What it is.
    pub definition: String,
}

impl SchemaObject {
    /// From a row of (kind, name, definition).
    pub fn of_row(row: &[Option<String>]) -> Self {
        let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        Self {
            kind: text(0),
            name: text(1),
            definition: text(2),
        }
    }
}
