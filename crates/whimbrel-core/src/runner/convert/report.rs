//! What came of a conversion.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::convert::Move;
use crate::takeover::TakeoverReport;

/// What a conversion made, or in a dry run would make.
#[derive(Clone, Debug, Serialize)]
pub struct ConversionReport {
    /// The new folder.
    pub folder: String,
    /// How many files it has.
    pub files: usize,
    /// Each migration with its versions and files.
    pub migrations: Vec<Move>,
    /// False in a dry run.
    pub written: bool,
    /// What was compared.
    pub proof: Proof,
    /// What became of the history; none if there is none.
    pub history: Option<TakeoverReport>,
}

/// What is the same from both folders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Proof {
    /// How many objects of each kind the schema has.
    pub objects: BTreeMap<String, usize>,
    /// Rows in all its tables.
    pub rows: u64,
    /// How many migrations were applied.
    pub applied: usize,
    /// How many were undone, the last ones; the schemas were compared again then.
    pub undone: usize,
    /// Why not all of them were undone.
    pub not_undone: Option<String>,
}
