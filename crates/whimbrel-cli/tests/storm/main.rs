//! Through the storm: the real binary is killed, its server is killed, its connection is broken, at
//! every point where control passes between them; then it is run again, and everything must be as
//! after a run that nothing disturbed.
//!
//! `WHIMBREL_STORM=all` takes every point where a test takes some by default.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod anew;
mod between;
mod by_hand;
mod crash;
mod deadlock;
mod engine;
mod fence;
mod fixtures;
mod held;
mod limits;
mod network;
mod other;
mod random;
mod repair;
mod resume;
mod server;
mod sessions;
mod signals;
mod stalled;
mod stubborn;
mod takers;
mod untransactional;
mod vandals;
mod waits;
