//! An application drops a run's future, or its listener panics, at any moment: the next run ends as one
//! that nothing disturbed.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use whimbrel::event::{Event, Listener};
use whimbrel::{Migrator, MigratorBuilder};
use whimbrel_testkit::Files;

/// Goes down with an event.
struct Panics {
    seen: AtomicUsize,
    at: usize,
}

impl Listener for Panics {
    fn event(&self, _event: &Event<'_>) {
        assert_ne!(
            self.seen.fetch_add(1, Ordering::SeqCst),
            self.at,
            "as it was told"
        );
    }
}

/// Each statement has an effect that shows how often it ran.
fn files(header: &str) -> Files {
    let base = "CREATE TABLE t (i integer, n integer);\nINSERT INTO t VALUES (1, 0);\n".to_owned();
    let mut list = vec![("001_a.sql".to_owned(), base)];
    for number in 2..5 {
        let mut text = header.to_owned();
        let change = "UPDATE t SET i = i * 3, n = n + 1;\n";
        writeln!(
            text,
            "{change}CREATE TABLE t{number} (i integer);\n{change}"
        )
        .unwrap();
        list.push((format!("00{number}_a.sql"), text));
    }
    let list: Vec<_> = list.iter().map(|(name, text)| (&**name, &**text)).collect();
    Files::new(&list)
}

/// The lease of a process that lives is waited for.
fn builder(url: &str, files: &Files) -> MigratorBuilder {
    let builder = Migrator::builder(url).directory(files.path());
    builder.options(|options| options.lease = Duration::from_secs(1))
}

async fn disturbed(url: impl Fn() -> String, header: &str, value: impl Fn(&str) -> String) {
    let files = files(header);
    let ends_well = async |url: &str| {
        builder(url, &files).build().unwrap().up().await.unwrap();
        assert_eq!(value(url), "729 6");
    };
    for step in 0..5 {
        let url = url();
        let migrator = builder(&url, &files).build().unwrap();
        let limit = Duration::from_millis(step * 9);
        let _ = tokio::time::timeout(limit, migrator.up()).await;
        ends_well(&url).await;
    }
    for at in (0..16).step_by(4) {
        let url = url();
        let seen = AtomicUsize::new(0);
        let builder = builder(&url, &files).listener(Arc::new(Panics { seen, at }));
        let migrator = builder.build().unwrap();
        assert!(
            tokio::spawn(async move { migrator.up().await })
                .await
                .is_err()
        );
        ends_well(&url).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicUsize::new(0);
    let file = |number| folder.path().join(format!("{number}.db"));
    let url = || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        format!("sqlite:{}", file(number).display())
    };
    let value = |url: &str| {
        let file = url.strip_prefix("sqlite:").unwrap();
        let connection = rusqlite::Connection::open(file).unwrap();
        let select = "SELECT i || ' ' || n FROM t";
        connection.query_row(select, [], |row| row.get(0)).unwrap()
    };
    disturbed(url, "", value).await;
    disturbed(url, "-- Transaction: off\n", value).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    let server = whimbrel_testkit::mariadb();
    let value = |url: &str| server.execute(url, "SELECT concat(i, ' ', n) FROM t");
    disturbed(|| server.database(), "", value).await;
}
