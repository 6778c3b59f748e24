//! Limits and modes that a server, or its administrator, sets: what is said, and that nothing is
//! lost.

use whimbrel_testkit::{MysqlServer, PostgresServer};

use crate::engine::{Engine, Project, Run, some};
use crate::fence::{TABLE, end, start, until};
use crate::fixtures;

/// The same database as another user.
fn url_of(project: &Project<'_>, user: &str) -> String {
    let (scheme, rest) = project.url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}@{place}")
}

fn run_as(project: &Project<'_>, user: &str, arguments: &[&str]) -> Run {
    let url = url_of(project, user);
    project.run_with(arguments, &[("DATABASE_URL", &url)])
}

fn says(run: &Run, code: i32, texts: &[&str]) {
    assert_eq!(run.code, Some(code), "{}", run.said);
    for text in texts {
        assert!(run.said.contains(text), "{text} is not in: {}", run.said);
    }
    assert!(!run.said.contains("panicked"), "{}", run.said);
}

const SLOW: (&str, &str) = (
    "002_slow.sql",
    "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(1)) s;\n",
);

/// A role whose statements may not take long: the message names the setting and the way around it,
/// which works.
#[test]
fn statement_timeout_on_postgres() {
    let server = PostgresServer::private();
    let project = Project::new(Engine::Postgres(&server), &[TABLE, SLOW]);
    project.execute(
        "CREATE ROLE hasty LOGIN SUPERUSER; ALTER ROLE hasty SET statement_timeout = '300ms'",
    );
    let failed = run_as(&project, "hasty", &["up"]);
    says(
        &failed,
        1,
        &[
            "the server's statement_timeout ended it",
            "002_slow.sql:1",
            "nothing of 002_slow is in the database",
        ],
    );
    let more = ["up", "--session-sql", "SET statement_timeout = '10min'"];
    says(&run_as(&project, "hasty", &more), 0, &[]);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

/// The server ends the whole connection; trying the same again would end it again.
#[test]
fn transaction_timeout_on_postgres() {
    let server = whimbrel_testkit::postgres_newest();
    let project = Project::new(Engine::Postgres(server), &[TABLE, SLOW]);
    let name = project.url.rsplit('/').next().unwrap();
    project.execute(&format!(
        "ALTER DATABASE {name} SET transaction_timeout = '400ms'"
    ));
    let failed = project.run(&["up"]);
    says(
        &failed,
        1,
        &["the server's transaction_timeout", "002_slow"],
    );
    assert!(!failed.said.contains("again"), "{}", failed.said);
    let more = ["up", "--session-sql", "SET transaction_timeout = 0"];
    project.succeed(&more);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

/// Stands still at each point until the server has ended the session, if it does; goes on by itself
/// over a new connection. Gives what was said.
fn idle(engine: Engine<'_>, step: usize, ended: impl Fn(&Project<'_>) -> bool) -> Vec<String> {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    let points = undisturbed.points(&["up"]);
    let mut said = Vec::new();
    for point in some(points, step) {
        let project = Project::new(engine, files);
        let flag = project.path("reached");
        let wait = format!("{point}:wait:{}", flag.display());
        let run = start(&project, &[("WHIMBREL_FAILPOINT", &wait)]);
        until("the run stands", || flag.exists());
        until("no session waits", || ended(&project));
        std::fs::remove_file(&flag).unwrap();
        let run = end(run);
        // In the middle of the first login nothing stands that could break.
        if point == 1 && run.code != Some(0) {
            says(&run, 5, &["error["]);
            project.succeed(&["up"]);
        } else {
            assert_eq!(run.code, Some(0), "at {point}: {}", run.said);
        }
        assert_eq!(project.all(), undisturbed.all(), "at {point}: {}", run.said);
        said.push(run.said);
    }
    said
}

/// No transaction is open while Whimbrel thinks: its units reach the server as a whole, so it can
/// stand still anywhere without this limit striking.
#[test]
fn idle_in_transaction_on_postgres() {
    let server = PostgresServer::private();
    server.execute(
        &server.database(),
        "ALTER ROLE postgres SET idle_in_transaction_session_timeout = '200ms'",
    );
    let said = idle(Engine::Postgres(&server), 14, |project| {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        project.execute(waits) == "0"
    });
    let told = |text: &String| text.contains("idle-in-transaction");
    assert!(!said.iter().any(told), "{}", said.join("\n---\n"));
}

/// Between two units the server may end a session as well.
#[test]
fn idle_sessions_on_postgres() {
    let server = PostgresServer::private();
    server.execute(
        &server.database(),
        "ALTER ROLE postgres SET idle_session_timeout = '1s'",
    );
    let said = idle(Engine::Postgres(&server), 60, |project| {
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'";
        project.execute(sessions) == "0"
    });
    let told = |text: &String| text.contains("due to idle-session timeout");
    assert!(said.iter().any(told), "{}", said.join("\n---\n"));
}

#[test]
fn idle_sessions_on_mariadb() {
    let server = MysqlServer::private();
    server.execute(&server.database(), "SET GLOBAL wait_timeout = 1");
    let said = idle(Engine::MariaDb(&server), 60, |project| {
        let sessions = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND command = 'Sleep'";
        project.execute(sessions) == "0"
    });
    assert!(said.iter().any(|text| text.contains("connection")));
}

#[test]
fn statement_time_on_mariadb() {
    let server = MysqlServer::private();
    let slow = ("002_slow.sql", "UPDATE t SET v = v * 100 + SLEEP(1);\n");
    let project = Project::new(Engine::MariaDb(&server), &[TABLE, slow]);
    project.execute("SET GLOBAL max_statement_time = 0.3");
    let failed = project.run(&["up"]);
    says(
        &failed,
        1,
        &[
            "the server's max_statement_time ended it",
            "002_slow.sql:1",
            "nothing of 002_slow is in the database",
        ],
    );
    project.succeed(&["up", "--session-sql", "SET max_statement_time = 0"]);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

/// What only reads works, what writes is refused and says why; nothing was done.
fn read_only(project: &Project<'_>, user: &str, set: impl Fn(), unset: impl Fn(), texts: &[&str]) {
    set();
    says(&run_as(project, user, &["up"]), 5, texts);
    says(&run_as(project, user, &["status"]), 0, &["2 pending"]);
    unset();
    says(&run_as(project, user, &["up", "--to", "001"]), 0, &[]);
    set();
    says(&run_as(project, user, &["up"]), 5, texts);
    says(&run_as(project, user, &["status"]), 0, &["1 pending"]);
    unset();
    says(&run_as(project, user, &["up"]), 0, &[]);
    set();
    says(&run_as(project, user, &["up"]), 0, &["othing"]);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

#[test]
fn a_read_only_role_on_postgres() {
    let server = PostgresServer::private();
    let project = Project::new(Engine::Postgres(&server), &[TABLE, SLOW]);
    project.execute("CREATE ROLE reader LOGIN SUPERUSER");
    let mode = |on: &str| {
        project.execute(&format!(
            "ALTER ROLE reader SET default_transaction_read_only = {on}"
        ));
    };
    let texts = ["read-only transaction", "default_transaction_read_only"];
    read_only(&project, "reader", || mode("on"), || mode("off"), &texts);
}

#[test]
fn a_standby_on_postgres() {
    let server = PostgresServer::private();
    let project = Project::new(Engine::Postgres(&server), &[TABLE, SLOW]);
    let mark = server.folder().join("data/standby.signal");
    let again = || {
        server.kill();
        server.start();
    };
    let standby = || {
        std::fs::write(&mark, "").unwrap();
        again();
    };
    let primary = || {
        std::fs::remove_file(&mark).unwrap();
        again();
    };
    let texts = ["error[25006]", "standby"];
    read_only(&project, "postgres", standby, primary, &texts);
}

#[test]
fn a_read_only_mariadb() {
    let server = MysqlServer::private();
    let slow = ("002_slow.sql", "UPDATE t SET v = v * 100;\n");
    let project = Project::new(Engine::MariaDb(&server), &[TABLE, slow]);
    let name = project.url.rsplit('/').next().unwrap();
    project.execute(&format!(
        "CREATE USER app@'%'; GRANT ALL ON {name}.* TO app@'%'"
    ));
    let mode = |on: &str| {
        project.execute(&format!("SET GLOBAL read_only = {on}"));
    };
    let texts = ["read-only option", "connect to the primary"];
    read_only(&project, "app", || mode("ON"), || mode("OFF"), &texts);
}
