//! The driver contract, on every engine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    BoundStatement, Connect, Driver, DriverErrorKind, Lease, LockAttempt, Part, Record,
    SessionOptions, Unit, Write,
};
use whimbrel_core::history::{AttemptId, History, Owner};
use whimbrel_core::migration::Kind;
use whimbrel_sql::{Facts, facts};

struct Database {
    connect: Box<dyn Connect>,
    // Kept until the test ends.
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    fn new(engine: &str) -> Self {
        let (url, folder) = match engine {
            "postgres" => (whimbrel_testkit::postgres().database(), None),
            "postgres_oldest" => (whimbrel_testkit::postgres_oldest().database(), None),
            "postgres_newest" => (whimbrel_testkit::postgres_newest().database(), None),
            "mysql" => (whimbrel_testkit::mariadb().database(), None),
            "d1" => (whimbrel_testkit::d1().database(), None),
            _ => {
                let folder = tempfile::tempdir().unwrap();
                (
                    format!("sqlite:{}/test.db", folder.path().display()),
                    Some(folder),
                )
            }
        };
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

/// Applies statements with a record of version `version`.
async fn apply(
    driver: &mut dyn Driver,
    lease: Lease,
    version: &str,
    statements: &[&str],
) -> Result<(), whimbrel_core::driver::UnitError> {
    let dialect = driver.dialect();
    let list: Vec<Facts> = statements.iter().map(|text| facts(text, dialect)).collect();
    let checksum = Checksum::of(version);
    let record = Record {
        source: "main",
        version,
        name: "test",
        kind: Kind::Versioned,
        sequence: 1,
        batch: 1,
        checksum: &checksum,
        down_checksum: None,
        applied_at: None,
        duration: None,
        applied_by: "me@here",
        tool: "test",
        id: AttemptId {
            run: lease.token,
            number: version.parse().unwrap(),
        },
        statements: 1,
    };
    let bound = statements
        .iter()
        .zip(&list)
        .map(|(text, facts)| BoundStatement {
            text,
            data: None,
            facts,
        });
    let unit = Unit {
        lease,
        atomic: true,
        parts: vec![Part {
            before: Vec::new(),
            statements: bound.collect(),
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
    assert_eq!(history.applied[0].applied_by, "me@here");
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
    if engine == "mysql" {
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
        applied_at: Some("2019-02-03T04:05:06.789Z".parse().unwrap()),
        duration: Some(Duration::from_millis(42)),
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
            after: vec![Write::Adopt(vec![record("1", 1), record("2", 2)])],
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
    let row = &history.applied[1];
    assert_eq!(row.applied_at, "2019-02-03T04:05:06.789Z".parse().unwrap());
    assert_eq!(
        (row.duration.as_millis(), row.name.as_str()),
        (42, "it's \\ here")
    );
    // All of them or none.
    driver.apply(&unit, &mut |_| {}).await.unwrap_err();
    driver.unlock(&lease).await.unwrap();
}

async fn reading_creates_nothing(engine: &str) {
    let database = Database::new(engine);
    let mut driver = database.connect.connect().await.unwrap();
    assert!(!driver.read_history().await.unwrap().exists);
    driver.close().await.unwrap();
    let mut driver = database.connect.connect().await.unwrap();
    assert!(!driver.read_history().await.unwrap().exists);
}

macro_rules! contract {
    ($($engine:ident: $($test:ident)*;)*) => {$(
        mod $engine {
            $(
                #[test]
                fn $test() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(super::$test(stringify!($engine)));
                }
            )*
        }
    )*};
}

contract! {
    sqlite: a_unit_and_its_record_are_one a_held_lock_names_its_holder the_fence_keeps_a_late_unit_out reading_creates_nothing old_records_keep_their_time;
    postgres: a_unit_and_its_record_are_one a_held_lock_names_its_holder the_fence_keeps_a_late_unit_out reading_creates_nothing old_records_keep_their_time;
    postgres_oldest: a_unit_and_its_record_are_one a_held_lock_names_its_holder the_fence_keeps_a_late_unit_out reading_creates_nothing old_records_keep_their_time;
    postgres_newest: a_unit_and_its_record_are_one a_held_lock_names_its_holder the_fence_keeps_a_late_unit_out reading_creates_nothing old_records_keep_their_time;
    mysql: a_unit_and_its_record_are_one a_held_lock_names_its_holder the_fence_keeps_a_late_unit_out reading_creates_nothing old_records_keep_their_time a_late_error_is_not_the_next_query_s;
    d1: a_unit_and_its_record_are_one a_held_lock_names_its_holder the_fence_keeps_a_late_unit_out reading_creates_nothing old_records_keep_their_time;
}
