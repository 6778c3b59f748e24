//! Numbers of batches.

use std::collections::HashMap;

use whimbrel_core::history::History;

/// Larger numbers are times, not a count of batches.
const LARGEST: i64 = 1_000_000;

/// The batches' numbers. What a tool applied together stays together: its own numbers are kept where
/// the history is empty. Where a tool has no batches each migration is one, so that `down` undoes
/// one at a time, as it did there.
pub(super) fn batches(names: &[Option<&str>], history: &History) -> Vec<i64> {
    let own: Option<Vec<i64>> = names
        .iter()
        .map(|name| name.and_then(|name| name.parse().ok()))
        .collect();
    if let Some(own) = own.filter(|own| own.iter().all(|number| (0..=LARGEST).contains(number)))
        && history.applied.is_empty()
    {
        return own;
    }
    let mut next = history.next_batch();
    let mut known: HashMap<&str, i64> = HashMap::new();
    let mut new = || {
        next += 1;
        next - 1
    };
    names
        .iter()
        .map(|name| match name {
            Some(name) => *known.entry(name).or_insert_with(&mut new),
            None => new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_kept_or_counted() {
        let empty = History::default();
        assert_eq!(
            batches(&[Some("0"), Some("0"), Some("3")], &empty),
            [0, 0, 3]
        );
        assert_eq!(batches(&[None, None], &empty), [1, 2]);
        let times = [Some("1709288430"), Some("1709288430"), Some("1709288999")];
        assert_eq!(batches(&times, &empty), [1, 1, 2]);
        assert_eq!(
            batches(&[Some("baseline"), Some("baseline"), None], &empty),
            [1, 1, 2]
        );
    }
}
