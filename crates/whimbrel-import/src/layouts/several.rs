//! Several histories below one folder, each of which its tool knows by itself.

use std::collections::BTreeMap;

use whimbrel_core::source::Entry;

use super::files::Problems;

/// Refuses marks (a migration's folder, a journal's) that are in more than one folder: each of those
/// is a history, often of another database, and nothing says which one is meant.
pub(super) fn refuse_several<'a>(marks: impl Iterator<Item = &'a Entry>, problems: &mut Problems) {
    let mut histories: BTreeMap<(usize, &str), &Entry> = BTreeMap::new();
    for mark in marks {
        let folder = mark.folder.trim_end_matches('/');
        let around = folder.rfind('/').map_or("", |at| &folder[..at]);
        histories.entry((mark.root, around)).or_insert(mark);
    }
    let mut keys: Vec<_> = histories.keys().copied().collect();
    keys.dedup_by_key(|(root, _)| *root);
    if keys.len() == histories.len() {
        return;
    }
    let spell = |(_, around): &(usize, &str)| match *around {
        "" => "the folder itself".to_owned(),
        around => format!("{around}/"),
    };
    let names: Vec<_> = histories.keys().map(spell).collect();
    let message = format!("there are several histories here: {}", names.join(", "));
    let help = "name one of the folders by `--dir`, or `dir` in whimbrel.toml; histories in one database also need a `source` each";
    if let Some(first) = histories.values().next() {
        problems.error(first, "several-histories", &message, help);
    }
}
