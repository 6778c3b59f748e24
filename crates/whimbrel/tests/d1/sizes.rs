//! Sizes that D1 takes: of requests, of rows, of values.

use whimbrel::Error;
use whimbrel::report::DatabaseState;
use whimbrel_testkit::Fate;

use super::{Project, refusals};

/// Files of so many kilobytes, each an INSERT into `t`.
fn many(project: &Project, count: usize, kilobytes: usize) {
    project.write("000_t.sql", "CREATE TABLE t (a text);\n");
    for number in 1..=count {
        let text = format!(
            "INSERT INTO t VALUES ('{}');\n",
            "x".repeat(kilobytes << 10)
        );
        project.write(&format!("{number:03}_fill.sql"), &text);
    }
}

/// Small migrations share a request until it has 256 KB of them; each file goes along a second time,
/// to be kept.
#[tokio::test]
async fn a_group_that_is_too_large_becomes_several_requests() {
    let project = Project::new(&[]);
    many(&project, 9, 60);
    let line = project.line(|_| Fate::Pass);
    let migrator = project.builder_at(&line.url).build().unwrap();
    assert_eq!(migrator.up().await.unwrap().steps.len(), 10);
    let requests = line.requests.lock().unwrap();
    let fills = requests
        .iter()
        .filter(|body| body.contains("INSERT INTO t"));
    let sizes: Vec<_> = fills.map(String::len).collect();
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    assert!(sizes.iter().all(|bytes| *bytes < 600 << 10), "{sizes:?}");
    drop(requests);
    assert_eq!(project.rows("SELECT count(*) AS n FROM t"), "[{\"n\":9}]");
}

/// What stands between may take less than D1 does: then they go one by one, and the one that is too
/// large by itself is named.
#[tokio::test]
async fn a_group_that_is_refused_for_its_size_goes_one_by_one() {
    let project = Project::new(&[]);
    many(&project, 3, 20);
    let line = project.line(|body| match body.len() {
        0..60_000 => Fate::Pass,
        _ => Fate::Refuse(413),
    });
    let narrow = || project.builder_at(&line.url).build().unwrap();
    assert_eq!(narrow().up().await.unwrap().steps.len(), 4);
    let large = format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(40_000));
    project.write("004_large.sql", &large);
    project.write("005_after.sql", "DELETE FROM t;\n");
    let Error::Failed(failure) = narrow().up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(failure.version.as_str(), "004");
    let help = failure.diagnostic.help.as_deref().unwrap_or_default();
    assert!(help.contains("too large for one request"), "{help}");
    assert_eq!(failure.state, DatabaseState::Clean);
    assert_eq!(project.rows("SELECT count(*) AS n FROM t"), "[{\"n\":3}]");
}

/// More than the service's door lets in: told before anything is sent, at the statement that is too
/// much.
#[tokio::test]
async fn a_request_of_a_hundred_megabytes_is_refused_with_its_line() {
    let row = format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(99_900));
    let project = Project::new(&[("001_t.sql", "CREATE TABLE t (a text);\n")]);
    project.write("002_large.sql", &row.repeat(1_001));
    let line = project.line(|_| Fate::Pass);
    let migrator = project.builder_at(&line.url).build().unwrap();
    let told = refusals(&migrator.up().await.unwrap_err());
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("1001: 002_large is a request of 1000")
            && told[0].ends_with("bytes; the database takes 100000000 at most"),
        "{told:?}"
    );
    let requests = line.requests.lock().unwrap();
    assert!(!requests.iter().any(|body| body.contains("CREATE")));
}

/// A literal is shorter than its statement, and that is shorter than a row may be. What is put
/// together is D1's to refuse: with the line, and with nothing left of the migration.
#[tokio::test]
async fn a_row_that_is_too_large_is_refused_by_the_engine_with_its_line() {
    let project = Project::new(&[("001_t.sql", "CREATE TABLE t (a text);\n")]);
    project.write(
        "002_fill.sql",
        "INSERT INTO t VALUES ('x');\nINSERT INTO t\n  SELECT hex(zeroblob(1500000));\n",
    );
    let Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    let shown = &failure.diagnostic;
    assert_eq!(shown.code.as_deref(), Some("SQLITE_TOOBIG"));
    assert_eq!(shown.label.as_ref().unwrap().place().line, 2);
    let help = shown.help.as_deref().unwrap_or_default();
    assert!(help.contains("rows and values of 2 MB at most"), "{help}");
    assert_eq!(project.rows("SELECT a FROM t"), "[]");
}

/// The one row of Whimbrel's own that could be too large.
#[tokio::test]
async fn a_rollback_that_no_row_holds_is_refused() {
    let project = Project::new(&[("001_t.up.sql", "CREATE TABLE t (a text);\n")]);
    let row = format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(99_000));
    project.write("001_t.down.sql", &row.repeat(21));
    let told = refusals(&project.migrator().up().await.unwrap_err());
    assert_eq!(
        told,
        [
            "1: the rollback of 001_t is 2079567 bytes long; the database takes rows of 2000000 at most, so the history can't keep it"
        ]
    );
    // What just fits is kept, and undoes.
    project.write("001_t.down.sql", &(row.repeat(20) + "DROP TABLE t;\n"));
    project.migrator().up().await.unwrap();
    let longest = "SELECT max(length(text)) AS n FROM whimbrel_scripts";
    assert_eq!(project.rows(longest), "[{\"n\":1980554}]");
}

/// D1 takes a hundred values with a statement. A file has none to give, so a statement that wants
/// one is wrong.
#[tokio::test]
async fn values_that_nobody_gives_are_refused_with_their_place() {
    let text = "CREATE TABLE t (a text DEFAULT '?', \"b:c\" text);\nINSERT INTO t VALUES (:first, '@no'); -- ?\nINSERT INTO t\n  VALUES (?2, @a);\nUPDATE t SET a = $a;\nSELECT json_extract(a, '$.b') FROM t;\n";
    let project = Project::new(&[("001_values.sql", text)]);
    let error = project.migrator().up().await.unwrap_err();
    let told = "stands for a value, and a file has none to give";
    assert_eq!(
        refusals(&error),
        [
            format!("2: `:first` {told}"),
            format!("4: `?2` {told}"),
            format!("5: `$a` {told}"),
        ]
    );
    let place = error.diagnostics()[1].label.as_ref().unwrap().place();
    assert_eq!(place.column, 11);
}
