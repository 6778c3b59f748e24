//! Which statement of a batch failed: D1 does not say.
//!
//! The batch's beginning is sent again with one more statement that always fails, so that nothing
//! of it stays. If it fails there, everything before is fine; so the place is found by halving.

use super::http::{Api, Query};
use super::unit::Operation;

/// No database has this function.
const MARK: &str = "whimbrel_reached_the_end";

/// The operation that failed; none if they are all fine by themselves (what fails is then the
/// commit), or if it can't be found out.
pub(super) async fn failed_at(api: &Api, operations: &[Operation]) -> Option<usize> {
    let (mut fine, mut wrong) = (0, operations.len() + 1);
    while wrong - fine > 1 {
        let middle = usize::midpoint(fine, wrong);
        if reaches(api, &operations[..middle]).await? {
            fine = middle;
        } else {
            wrong = middle;
        }
    }
    (fine < operations.len()).then_some(fine)
}

/// True if all of these pass.
async fn reaches(api: &Api, operations: &[Operation]) -> Option<bool> {
    let mut batch: Vec<Query> = operations.iter().map(|one| one.query.clone()).collect();
    batch.push(Query::new(format!("SELECT {MARK}()")));
    let failed = api.send(&batch).await.err()?;
    failed
        .by_statement
        .then(|| failed.error.message.contains(MARK))
}
