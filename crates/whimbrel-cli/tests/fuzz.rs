//! The bodies of the fuzz targets, on their seeds and on some hundred texts near them, so that they keep
//! working between two real runs of `fuzz/run`.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../../fuzz/bodies/native.rs"]
mod native;
#[path = "../../../fuzz/bodies/settings.rs"]
mod settings;
#[path = "../../../fuzz/bodies/split.rs"]
mod split;

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

/// A place, how many bytes go there, and what comes in their stead.
type Change = (Index, usize, Vec<u8>);

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let files = std::fs::read_dir(folder.join(target)).unwrap();
    let seeds: Vec<_> = files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!seeds.is_empty(), "{target} starts from nothing");
    seeds
}

fn change() -> impl Strategy<Value = Change> {
    let noise = prop::collection::vec(any::<u8>(), 0..6);
    let marks = prop::sample::select(b"'\"`$;-/*\\=[]{}#%@:?&\n\r\0 (){}".to_vec());
    let marks = prop::collection::vec(marks, 0..6);
    (any::<Index>(), 0..20_usize, prop_oneof![noise, marks])
}

fn changed(seed: &[u8], changes: Vec<Change>) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (place, length, text) in changes {
        let start = place.index(bytes.len() + 1);
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, text);
    }
    bytes
}

fn smoke(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        body(seed);
    }
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let near = (any::<Index>(), prop::collection::vec(change(), 1..8));
    let near = near.prop_map(move |(seed, changes)| changed(seed.get::<Vec<u8>>(&seeds), changes));
    let input = prop_oneof![
        4 => near,
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ];
    let result = runner.run(&input, |bytes| {
        body(&bytes);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{target}: {error}"));
}

#[test]
fn split_keeps_every_byte() {
    smoke("split", split::run);
}

#[test]
fn native_files_never_panic() {
    smoke("native", native::run);
}

#[test]
fn settings_never_panic() {
    smoke("settings", settings::run);
}
