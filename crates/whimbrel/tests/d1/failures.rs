//! Whatever is lost on the way, each migration is applied once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use whimbrel::Error;
use whimbrel::driver::DriverErrorKind;
use whimbrel::report::DatabaseState;
use whimbrel_testkit::Fate;

use super::Project;

/// An UPDATE that shows how often it happened.
const COUNTED: [(&str, &str); 2] = [
    (
        "001_counter.sql",
        "CREATE TABLE counter (n integer);\nINSERT INTO counter VALUES (0);\n",
    ),
    ("002_raise.sql", "UPDATE counter SET n = n + 1;\n"),
];

/// Counting to some millions takes the engine a while.
const SLOW: &str = "INSERT INTO slow WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 4000000) SELECT max(x) FROM c;\n";

fn quick(builder: whimbrel::MigratorBuilder) -> whimbrel::Migrator {
    let options = |options: &mut whimbrel::runner::RunOptions| {
        options.retry_delay = Duration::from_millis(50);
    };
    builder.options(options).build().unwrap()
}

/// The nth request for which a test is true.
fn nth(number: usize, test: impl Fn(&str) -> bool) -> impl FnMut(&str) -> bool {
    let seen = AtomicUsize::new(0);
    move |body| test(body) && seen.fetch_add(1, Ordering::Relaxed) + 1 == number
}

#[tokio::test]
async fn a_lost_answer_is_looked_up() {
    let project = Project::new(&COUNTED);
    let mut unit = nth(1, |body| body.contains("counter SET n = n + 1"));
    let line = project.line(move |body| {
        if unit(body) {
            Fate::LoseAnswer
        } else {
            Fate::Pass
        }
    });
    let report = quick(project.builder_at(&line.url)).up().await.unwrap();
    assert_eq!(report.steps.len(), 2);
    assert_eq!(project.rows("SELECT n FROM counter"), "[{\"n\":1}]");
    assert_eq!(
        project.rows("SELECT token, owner FROM whimbrel_lock"),
        "[{\"token\":2,\"owner\":null}]"
    );
}

#[tokio::test]
async fn a_request_that_came_to_nothing_is_made_again() {
    for status in [429, 500, 503] {
        let project = Project::new(&COUNTED);
        let mut unit = nth(1, |body| body.contains("counter SET n = n + 1"));
        let line = project.line(move |body| {
            if unit(body) {
                Fate::Refuse(status)
            } else {
                Fate::Pass
            }
        });
        let report = quick(project.builder_at(&line.url)).up().await.unwrap();
        assert_eq!(report.steps.len(), 2);
        assert_eq!(project.rows("SELECT n FROM counter"), "[{\"n\":1}]");
    }
}

#[tokio::test]
async fn reading_is_tried_again() {
    let project = Project::new(&COUNTED);
    let mut first = nth(1, |_| true);
    let line = project.line(move |body| {
        if first(body) {
            Fate::LoseAnswer
        } else {
            Fate::Pass
        }
    });
    let migrator = project.builder_at(&line.url).build().unwrap();
    let status = migrator.status().await.unwrap();
    assert_eq!(status.totals.pending, 2);
    assert_eq!(line.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn retries_end() {
    let project = Project::new(&COUNTED);
    let line = project.line(|body| {
        if body.contains("counter") {
            Fate::Refuse(503)
        } else {
            Fate::Pass
        }
    });
    let Error::Failed(failure) = quick(project.builder_at(&line.url)).up().await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(failure.kind, DriverErrorKind::Lost);
    assert_eq!(failure.state, DatabaseState::Clean);
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 2);
}

fn limited(builder: whimbrel::MigratorBuilder) -> whimbrel::Migrator {
    let limit = |options: &mut whimbrel::runner::RunOptions| {
        options.timeout = Some(Duration::from_millis(100));
    };
    builder.options(limit).build().unwrap()
}

/// The request is still on its way: it will never happen.
#[tokio::test]
async fn a_time_limit_ends_the_wait_and_nothing_stays() {
    let project = Project::new(&COUNTED[..1]);
    project.migrator().up().await.unwrap();
    project.write(COUNTED[1].0, COUNTED[1].1);
    let mut unit = nth(1, |body| body.contains("SET n = n + 1"));
    let line = project.line(move |body| if unit(body) { Fate::Hold } else { Fate::Pass });
    let migrator = limited(project.builder_at(&line.url));
    let Error::Failed(failure) = migrator.up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(failure.kind, DriverErrorKind::Cancelled);
    let told = &failure.diagnostic.message;
    assert_eq!(told, "the time limit of 100 ms is over");
    assert_eq!(failure.state, DatabaseState::Clean);
    assert_eq!(project.states().await[1], "002 Failed");
    line.release();
    line.wait_for_answer("CHECK constraint failed");
    assert_eq!(project.rows("SELECT n FROM counter"), "[{\"n\":0}]");
    project.migrator().up().await.unwrap();
    assert_eq!(project.rows("SELECT n FROM counter"), "[{\"n\":1}]");
}

/// The engine is at work and can't be asked to stop: it finishes, and that counts. If the limit
/// struck before the engine began, nothing of it is there. Never anything else.
#[tokio::test]
async fn a_time_limit_on_a_working_engine_tells_the_truth() {
    let project = Project::new(&[("001_slow.sql", "CREATE TABLE slow (x);\n")]);
    project.migrator().up().await.unwrap();
    project.write("002_slow.sql", SLOW);
    let rows = match limited(project.builder()).up().await {
        Ok(report) => report.steps.len(),
        Err(Error::Failed(failure)) => {
            assert_eq!(failure.state, DatabaseState::Clean);
            0
        }
        Err(other) => panic!("{other}"),
    };
    let count = project.rows("SELECT count(*) AS n FROM slow");
    assert_eq!(count, format!("[{{\"n\":{rows}}}]"));
}

#[tokio::test]
async fn a_wrong_token_or_database_is_told_plainly() {
    let project = Project::new(&COUNTED);
    let wrong = project.builder().password("wrong").build().unwrap();
    let Error::Database(error) = wrong.up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, DriverErrorKind::Refused);
    assert!(error.hint.unwrap().contains("CLOUDFLARE_API_TOKEN"));
    let nowhere = project.url.replace("/db-", "/no-");
    let nowhere = project.builder_at(&nowhere).build().unwrap();
    let Error::Database(error) = nowhere.up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, DriverErrorKind::Refused);
    assert!(error.message.contains("could not be found"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_plainly() {
    let project = Project::new(&COUNTED);
    let url = "d1+http://127.0.0.1:1/account/db-1";
    let Error::Database(error) = project
        .builder_at(url)
        .build()
        .unwrap()
        .up()
        .await
        .unwrap_err()
    else {
        panic!()
    };
    assert_eq!(error.kind, DriverErrorKind::Connect);
    assert_eq!(
        error.message,
        "can't connect to 127.0.0.1:1: Connection refused (os error 111)"
    );
    let hint = error.hint.unwrap();
    assert!(hint.contains("check that the endpoint runs"), "{hint}");
}

/// The service's own host is named as well; nothing of the token is.
#[tokio::test]
async fn a_host_that_has_no_address_is_named() {
    let project = Project::new(&COUNTED);
    let url = "d1+https://nowhere.invalid/account/db-1";
    let up = project.builder_at(url).build().unwrap().up().await;
    let Error::Database(error) = up.unwrap_err() else {
        panic!()
    };
    let told = format!("{error} {:?}", error.hint);
    assert!(
        told.contains("can't connect to nowhere.invalid:443: "),
        "{told}"
    );
    assert!(!told.contains(whimbrel_testkit::D1Server::TOKEN), "{told}");
}

/// Where one request would be too long, each statement is one, journalled.
#[tokio::test]
async fn a_journalled_migration_goes_on_where_it_stopped() {
    let text = "-- Transaction: off\nCREATE TABLE a (n integer);\nINSERT INTO a VALUES (1);\nINSERT INTO b VALUES (2);\nCREATE TABLE c (n integer);\n";
    let project = Project::new(&[("001_off.sql", text)]);
    let Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    let half = DatabaseState::HalfDone {
        done: 2,
        statements: 4,
    };
    assert_eq!(failure.state, half);
    let label = failure.diagnostic.label.as_ref().unwrap();
    assert_eq!(label.place().line, 4);
    project.write("001_off.sql", &text.replace("INTO b", "INTO a"));
    let mut statement = nth(1, |body| body.contains("INTO a VALUES (2)"));
    let line = project.line(move |body| {
        if statement(body) {
            Fate::LoseAnswer
        } else {
            Fate::Pass
        }
    });
    let report = quick(project.builder_at(&line.url)).up().await.unwrap();
    assert_eq!(report.steps.len(), 1);
    assert_eq!(project.rows("SELECT count(*) AS n FROM a"), "[{\"n\":2}]");
}
