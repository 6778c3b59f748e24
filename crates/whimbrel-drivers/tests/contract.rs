//! The driver contract, on every engine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    Connect, Driver, DriverErrorKind, Fact, Lease, LockAttempt, Part, Record, SessionOptions,
    Statements, Unit, Write,
};
use whimbrel_core::history::{AttemptId, FORMAT, History, Owner};
use whimbrel_core::migration::Kind;
use whimbrel_sql::split;
use whimbrel_testkit::on_engines;

struct Database {
    connect: Box<dyn Connect>,
    // Kept until the test ends.
    _folder: tempfile::TempDir,
}

impl Database {
    fn new(engine: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = whimbrel_testkit::database(engine, folder.path());
        let options = SessionOptions {
            foreign_keys: true,
            ..SessionOptions::default()
        };
        let token = (engine == "d1").then_some(whimbrel_testkit::D1Server::TOKEN);
        let connect = whimbrel_drivers::connector(&url, token, options).unwrap();
        Self {
            connect,
            _folder: folder,
        }
    }

    async fn open(&self) -> Box<dyn Driver> {
        let mut driver = self.connect.connect().await.unwrap();
        if !driver.read_history().await.unwrap().exists {
            driver.create_history().await.unwrap();
            driver.read_history().await.unwrap();
        }
        driver
    }
}

fn owner(user: &str) -> Owner {
    Owner {
        user: user.to_owned(),
        host: "here".to_owned(),
        pid: 7,
    }
}

async fn take(driver: &mut dyn Driver, user: &str, seconds: u64) -> (Lease, History) {
    match driver
        .lock(&owner(user), Duration::from_secs(seconds), None)
        .await
        .unwrap()
    {
        LockAttempt::Taken(lease, history) => (lease, *history),
        LockAttempt::Held(holder) => panic!("held by {holder}"),
    }
}

/// A name that has to be quoted.
const NAME: &str = "it's \\ a\ttest";

/// Applies statements with a record of version `version`.
async fn apply(
    driver: &mut dyn Driver,
    lease: Lease,
    version: &str,
    statements: &[&str],
) -> Result<(), whimbrel_core::driver::UnitError> {
    let dialect = driver.dialect();
    let script = statements.join(";\n");
    let list = split(&script, dialect).unwrap();
    let checksum = Checksum::of(version);
    let record = Record {
        source: "main",
        version,
        name: NAME,
        kind: Kind::Versioned,
        sequence: 1,
        batch: 1,
        checksum: &checksum,
        down_checksum: None,
        applied_at: Fact::Now,
        duration: Fact::Now,
        applied_by: "me@here",
        tool: "test",
        id: AttemptId {
            run: lease.token,
            number: version.parse().unwrap(),
        },
        statements: 1,
    };
    let unit = Unit {
        lease,
        atomic: true,
        parts: vec![Part {
            before: Vec::new(),
            statements: Statements::new(&script, &list),
            after: vec![Write::Apply(record)],
        }],
        lock_timeout: None,
        foreign_keys: None,
        settings: &[],
        replay: Vec::new(),
        continues: false,
    };
    driver.apply(&unit, &mut |_| {}).await
}

async fn count(driver: &mut dyn Driver) -> String {
    driver.query("SELECT count(*) FROM t").await.unwrap()[0][0]
        .clone()
        .unwrap()
}

async fn a_unit_and_its_record_are_one(engine: &str) {
    let database = Database::new(engine);
    let mut driver = database.open().await;
    driver.query("CREATE TABLE t (v integer)").await.unwrap();
    let (lease, history) = take(driver.as_mut(), "a", 60).await;
    assert!(history.applied.is_empty());
    apply(driver.as_mut(), lease, "1", &["INSERT INTO t VALUES (1)"])
        .await
        .unwrap();
    let failed = apply(
        driver.as_mut(),
        lease,
        "2",
        &["INSERT INTO t VALUES (2)", "INSERT INTO nowhere VALUES (1)"],
    )
    .await
    .unwrap_err();
    assert_eq!((failed.part, failed.statement), (0, Some(1)));
    assert_eq!(failed.error.kind, DriverErrorKind::DoesNotExist, "{failed}");
    // The same version can't be recorded twice, and its statements go with the record.
    apply(driver.as_mut(), lease, "1", &["INSERT INTO t VALUES (3)"])
        .await
        .unwrap_err();
    assert_eq!(count(driver.as_mut()).await, "1");
    let history = driver.read_history().await.unwrap();
    assert_eq!(history.applied.len(), 1);
    let row = &history.applied[0];
    assert_eq!((row.name.as_str(), &*row.applied_by), (NAME, "me@here"));
    assert!(row.duration.unwrap() < Duration::from_secs(60));
    driver.unlock(&lease).await.unwrap();
    driver.close().await.unwrap();
}

async fn a_held_lock_names_its_holder(engine: &str) {
    let database = Database::new(engine);
    let (mut first, mut second) = (database.open().await, database.open().await);
    let (lease, _) = take(first.as_mut(), "alice", 60).await;
    match second
        .lock(&owner("bob"), Duration::from_secs(60), None)
        .await
        .unwrap()
    {
        LockAttempt::Held(holder) => {
            assert_eq!(holder.owner.as_deref(), Some("alice@here, pid 7"));
            assert!(holder.since.is_some());
        }
        LockAttempt::Taken(..) => panic!("two have the lock"),
    }
    first.unlock(&lease).await.unwrap();
    let (next, _) = take(second.as_mut(), "bob", 60).await;
    assert!(next.token > lease.token);
}

/// A process that was paused past its lease, and woke after another run took over.
async fn the_fence_keeps_a_late_unit_out(engine: &str) {
    let database = Database::new(engine);
    let mut first = database.open().await;
    first.query("CREATE TABLE t (v integer)").await.unwrap();
    let (lease, _) = take(first.as_mut(), "late", 1).await;
    let mut second = database.open().await;
    if engine == "mysql" || engine.starts_with("mariadb") {
        // The first connection still has its named lock: another one must not get in ...
        let attempt = second
            .lock(&owner("b"), Duration::from_secs(60), None)
            .await
            .unwrap();
        assert!(matches!(attempt, LockAttempt::Held(_)));
        // ... until that connection is gone, which only its server side knows.
        first.query("DO RELEASE_ALL_LOCKS()").await.unwrap();
    }
    let taken = loop {
        match second
            .lock(&owner("next"), Duration::from_secs(60), None)
            .await
            .unwrap()
        {
            LockAttempt::Taken(lease, _) => break lease,
            LockAttempt::Held(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(taken.token > lease.token);
    let failed = apply(first.as_mut(), lease, "1", &["INSERT INTO t VALUES (1)"])
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind, DriverErrorKind::Fenced, "{failed}");
    assert_eq!(count(first.as_mut()).await, "0");
    apply(second.as_mut(), taken, "1", &["INSERT INTO t VALUES (1)"])
        .await
        .unwrap();
    assert_eq!(count(second.as_mut()).await, "1");
}

async fn a_late_error_is_not_the_next_query_s(engine: &str) {
    let database = Database::new(engine);
    let mut driver = database.open().await;
    // Several statements in one message; the server stops at the first that fails.
    for sql in [
        "SELECT 1; INSERT INTO nowhere VALUES (1)",
        "DO 1; SELECT 1; INSERT INTO nowhere VALUES (1); DO 1",
    ] {
        let failed = driver.query(sql).await.unwrap_err();
        assert_eq!(failed.kind, DriverErrorKind::DoesNotExist, "{failed}");
        assert_eq!(
            driver.query("SELECT 2").await.unwrap()[0][0].as_deref(),
            Some("2")
        );
    }
    // So does a procedure, after it has given a result.
    let make = "CREATE PROCEDURE p() BEGIN SELECT 1; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'late'; END";
    driver.query(make).await.unwrap();
    let (lease, _) = take(driver.as_mut(), "a", 60).await;
    let failed = apply(driver.as_mut(), lease, "1", &["CALL p()"])
        .await
        .unwrap_err();
    assert!(failed.error.message.contains("late"), "{failed}");
    assert!(driver.read_history().await.unwrap().applied.is_empty());
}

/// A record of what was applied long ago, by something else.
async fn old_records_keep_their_time(engine: &str) {
    let database = Database::new(engine);
    let mut driver = database.open().await;
    let (lease, _) = take(driver.as_mut(), "a", 60).await;
    let checksum = Checksum::of("x");
    let record = |version, number| Record {
        source: "main",
        version,
        name: "it's \\ here",
        kind: Kind::Versioned,
        sequence: i64::from(number),
        batch: 0,
        checksum: &checksum,
        down_checksum: None,
        applied_at: Fact::Was("2019-02-03T04:05:06.789Z".parse().unwrap()),
        duration: Fact::Was(Duration::from_millis(42)),
        applied_by: "ada",
        tool: "goose",
        id: AttemptId {
            run: lease.token,
            number,
        },
        statements: 0,
    };
    let unit = Unit {
        lease,
        atomic: true,
        parts: vec![Part {
            after: vec![Write::Adopt(vec![
                Record {
                    applied_at: Fact::Unknown,
                    duration: Fact::Unknown,
                    ..record("1", 1)
                },
                record("2", 2),
            ])],
            ..Part::default()
        }],
        lock_timeout: None,
        foreign_keys: None,
        settings: &[],
        replay: Vec::new(),
        continues: false,
    };
    driver.apply(&unit, &mut |_| {}).await.unwrap();
    let history = driver.read_history().await.unwrap();
    assert_eq!(history.applied.len(), 2);
    let unknown = &history.applied[0];
    assert_eq!((unknown.applied_at, unknown.duration), (None, None));
    let row = &history.applied[1];
    let then = "2019-02-03T04:05:06.789Z".parse().unwrap();
    assert_eq!(row.applied_at, Some(then));
    assert_eq!(
        (row.duration, row.name.as_str()),
        (Some(Duration::from_millis(42)), "it's \\ here")
    );
    // All of them or none.
    driver.apply(&unit, &mut |_| {}).await.unwrap_err();
    driver.unlock(&lease).await.unwrap();
}

/// As a version before this one may have made them.
async fn tables_of_an_older_format_are_brought_to_this_one(engine: &str) {
    let database = Database::new(engine);
    let mut driver = database.open().await;
    let mut old = vec!["UPDATE whimbrel_lock SET format = 1"];
    if engine.starts_with("postgres") {
        old.push("ALTER TABLE whimbrel_applied ALTER duration_ms DROP DEFAULT");
    }
    for sql in old {
        driver.query(sql).await.unwrap();
    }
    assert_eq!(driver.read_history().await.unwrap().format, 1);
    driver.create_history().await.unwrap();
    assert_eq!(driver.read_history().await.unwrap().format, FORMAT);
    let (lease, _) = take(driver.as_mut(), "a", 60).await;
    apply(driver.as_mut(), lease, "1", &["CREATE TABLE t (v integer)"])
        .await
        .unwrap();
}

async fn reading_creates_nothing(engine: &str) {
    let database = Database::new(engine);
    let mut driver = database.connect.connect().await.unwrap();
    assert!(!driver.read_history().await.unwrap().exists);
    driver.close().await.unwrap();
    let mut driver = database.connect.connect().await.unwrap();
    assert!(!driver.read_history().await.unwrap().exists);
}

on_engines! {
    [sqlite postgres postgres_oldest postgres_newest mariadb mariadb_newest mysql d1]
    a_unit_and_its_record_are_one
    a_held_lock_names_its_holder
    the_fence_keeps_a_late_unit_out
    old_records_keep_their_time
    tables_of_an_older_format_are_brought_to_this_one
    reading_creates_nothing
}

on_engines! {
    [mariadb mariadb_newest mysql]
    a_late_error_is_not_the_next_query_s
}
