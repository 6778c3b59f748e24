//! Tables that transactions do nothing for.

use whimbrel_sql::Target;

/// What no transaction takes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Untransactional {
    /// Those of the tables asked for.
    pub tables: Vec<Target>,
    /// What such tables are stored by.
    pub engines: Vec<String>,
    /// A table is such a one if nothing is said of its engine.
    pub by_default: bool,
}
