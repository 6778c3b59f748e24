//! How servers are reached: TLS, passwords, sockets.
#![allow(missing_docs, clippy::unwrap_used)]

mod house;
mod mysql;
mod postgres;
