//! Plans over files whose order is not that of their versions, baselines and hooks: no database.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use whimbrel_core::checksum::Checksum;
use whimbrel_core::directive::Directives;
use whimbrel_core::driver::Capabilities;
use whimbrel_core::history::{Action, Applied, Attempt, AttemptId, AttemptState, History};
use whimbrel_core::hook::{Hook, When};
use whimbrel_core::migration::{Down, Kind, Migration, Reading, Transactions};
use whimbrel_core::plan::{Direction, Goal, Plan, PlanInput, PlanOptions, State, plan, status};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

fn migration(version: &str, kind: Kind) -> Migration {
    let file = SourceFile::new(format!("{version}.sql"), format!("SELECT '{version}';"));
    Migration {
        source: "main".into(),
        version: Version::new(version),
        name: String::new(),
        kind,
        directives: Directives::default().shared(),
        checksum: Checksum::of(file.text()),
        up: Script::whole(Arc::clone(&file)),
        file,
        down: Down::None,
        verify: None,
        transactions: Transactions::default(),
        down_transaction: None,
        reader: Reading::whole,
        substitute: None,
    }
}

fn files(versions: &[&str]) -> Vec<Migration> {
    let kind = |version: &str| match version.chars().next() {
        Some('B') => Kind::Baseline,
        Some('R') => Kind::Repeatable,
        _ => Kind::Versioned,
    };
    let made = versions
        .iter()
        .map(|version| migration(version.trim_start_matches('B'), kind(version)));
    made.collect()
}

fn applied(migrations: &[Migration], rows: &[(&str, Kind)]) -> History {
    let row = |(place, (version, kind)): (usize, &(&str, Kind))| {
        let version = Version::new(*version);
        let file = migrations.iter().find(|m| m.version == version);
        let place = i64::try_from(place).unwrap() + 1;
        Applied {
            source: "main".to_owned(),
            name: String::new(),
            kind: *kind,
            sequence: place,
            batch: place,
            run: place,
            checksum: file.map_or_else(|| Checksum::of("gone"), |m| m.checksum.clone()),
            down_checksum: None,
            applied_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            duration: Some(std::time::Duration::ZERO),
            applied_by: "a@b".into(),
            tool: "test".into(),
            version,
        }
    };
    History {
        exists: true,
        applied: rows.iter().enumerate().map(row).collect(),
        ..History::default()
    }
}

fn planned(
    migrations: &[Migration],
    hooks: &[Hook],
    history: &History,
    goal: &Goal,
) -> Result<Plan, Vec<String>> {
    let input = PlanInput {
        migrations,
        hooks,
        history,
        kept: &HashMap::new(),
        dialect: Dialect::Postgres,
        capabilities: Capabilities {
            transactional_ddl: true,
            cancel: true,
            enum_value_in_transaction: true,
            units_at_once: 8,
            batches_only: false,
            limits: None,
        },
        options: &PlanOptions::default(),
    };
    plan(input, goal).map_err(|error| {
        error
            .diagnostics()
            .iter()
            .map(|d| d.message.clone())
            .collect()
    })
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps
        .iter()
        .map(|step| step.version.as_str())
        .collect()
}

#[test]
fn what_is_late_is_late_by_its_place() {
    let migrations = files(&["users", "lists", "admins"]);
    let history = applied(
        &migrations,
        &[("users", Kind::Versioned), ("lists", Kind::Versioned)],
    );
    let made = planned(&migrations, &[], &history, &Goal::Latest).unwrap();
    assert_eq!(steps(&made), ["admins"]);
    let history = applied(
        &migrations,
        &[("users", Kind::Versioned), ("admins", Kind::Versioned)],
    );
    let errors = planned(&migrations, &[], &history, &Goal::Latest).unwrap_err();
    assert_eq!(
        errors,
        ["lists is pending, but admins after it is applied already"]
    );
    let shown = status(
        &migrations,
        &history,
        &HashMap::new(),
        Dialect::Postgres,
        String::new(),
    );
    let states: Vec<_> = shown.migrations.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Applied, State::Applied, State::OutOfOrder]);
}

#[test]
fn versions_without_files_count_where_files_are_in_their_order() {
    let migrations = files(&["1", "2"]);
    let history = applied(
        &migrations,
        &[("1", Kind::Versioned), ("3", Kind::Versioned)],
    );
    assert!(planned(&migrations, &[], &history, &Goal::Latest).is_err());
    let migrations = files(&["b", "a"]);
    let history = applied(
        &migrations,
        &[("b", Kind::Versioned), ("z", Kind::Versioned)],
    );
    let made = planned(&migrations, &[], &history, &Goal::Latest).unwrap();
    assert_eq!(steps(&made), ["a"]);
}

#[test]
fn a_baseline_among_the_files_begins_an_empty_history() {
    let migrations = files(&["1", "2", "B2", "3", "5", "B5", "6"]);
    let empty = History::default();
    let made = planned(&migrations, &[], &empty, &Goal::Latest).unwrap();
    assert_eq!(steps(&made), ["5", "6"]);
    assert_eq!(made.steps[0].kind, Kind::Baseline);
    let to_three = planned(&migrations, &[], &empty, &Goal::UpTo("3".to_owned())).unwrap();
    assert_eq!(steps(&to_three), ["2", "3"]);
    let one = planned(&migrations, &[], &empty, &Goal::NextSteps(1)).unwrap();
    assert_eq!(steps(&one), ["5"]);
    let history = applied(&migrations, &[("1", Kind::Versioned)]);
    let made = planned(&migrations, &[], &history, &Goal::Latest).unwrap();
    assert_eq!(steps(&made), ["2", "3", "5", "6"]);
    let history = applied(&migrations, &[("5", Kind::Baseline)]);
    let made = planned(&migrations, &[], &history, &Goal::Latest).unwrap();
    assert_eq!(steps(&made), ["6"]);
}

#[test]
fn a_baseline_that_a_history_can_not_come_to_is_told() {
    let migrations = files(&["B9"]);
    let history = applied(&migrations, &[("8", Kind::Baseline)]);
    let made = planned(&migrations, &[], &history, &Goal::Latest).unwrap();
    assert!(made.steps.is_empty());
    assert!(
        made.warnings
            .iter()
            .any(|w| w.message.starts_with("9 is passed over"))
    );
}

fn hook(name: &str, when: When) -> Hook {
    Hook {
        source: "main".into(),
        name: name.to_owned(),
        direction: Direction::Up,
        when,
        script: Script::whole(SourceFile::new(
            format!("{name}.sql"),
            format!("SELECT '{name}'"),
        )),
        directives: Directives::default(),
    }
}

#[test]
fn hooks_are_steps_around_the_others_or_in_them() {
    let mut migrations = files(&["1", "2", "R__v"]);
    migrations[1].directives.depends = vec!["1".to_owned()];
    let hooks = [
        hook("before", When::Before),
        hook("each", When::BeforeEach),
        hook("each after", When::AfterEach),
        hook("versioned", When::AfterVersioned),
        hook("repeatables", When::BeforeRepeatables),
        hook("applied", When::AfterApplied),
        hook("after", When::After),
    ];
    let made = planned(&migrations, &hooks, &History::default(), &Goal::Latest).unwrap();
    let expected = [
        "before",
        "1",
        "2",
        "versioned",
        "repeatables",
        "R__v",
        "applied",
        "after",
    ];
    assert_eq!(steps(&made), expected);
    assert_eq!(made.steps[2].depends, [1]);
    assert_eq!(made.steps[7].depends.len(), 7);
    let two = &made.steps[2];
    let texts: Vec<_> = two
        .statements
        .iter()
        .map(|s| &two.script.text()[s.span()])
        .collect();
    assert_eq!(
        texts,
        ["SELECT 'each'", "SELECT '2'", "SELECT 'each after'"]
    );
    let names: Vec<_> = two
        .statements
        .iter()
        .map(|s| two.script.file_at(s.span().start).name())
        .collect();
    assert_eq!(names, ["each.sql", "2.sql", "each after.sql"]);
    let rows: Vec<_> = migrations
        .iter()
        .map(|m| (m.version.as_str(), m.kind))
        .collect();
    let history = applied(&migrations, &rows);
    let made = planned(&migrations, &hooks, &history, &Goal::Latest).unwrap();
    assert_eq!(steps(&made), ["before", "versioned", "after"]);
    let down = planned(&migrations, &hooks, &history, &Goal::UndoSteps(0)).unwrap();
    assert!(down.steps.is_empty());
}

#[test]
fn what_the_next_file_may_count_on_is_told_once() {
    let warnings = |texts: &[&str]| {
        let made = texts.iter().enumerate().map(|(place, text)| {
            let file = SourceFile::new(format!("{place}.sql"), *text);
            Migration {
                up: Script::whole(Arc::clone(&file)),
                file,
                ..migration(&place.to_string(), Kind::Versioned)
            }
        });
        let made: Vec<_> = made.collect();
        let plan = planned(&made, &[], &applied(&made, &[]), &Goal::Latest).unwrap();
        plan.warnings
            .iter()
            .map(|one| one.message.clone())
            .collect::<Vec<_>>()
    };
    let told = |what: &str| {
        vec![format!(
            "{what} is set for this file alone: 1 after it starts without"
        )]
    };
    let make = "CREATE TABLE a ();";
    for (first, second, expected) in [
        ("SET search_path TO app, public;", make, told("search_path")),
        ("SET SESSION search_path='app';", make, told("search_path")),
        ("SET ROLE owner;", make, told("role")),
        ("SET search_path = app; RESET search_path;", make, vec![]),
        (
            "SET search_path = app; SET search_path TO DEFAULT;",
            make,
            vec![],
        ),
        ("SET LOCAL search_path = app;", make, vec![]),
        ("SET search_path = '';", make, vec![]),
        (
            "SET search_path TO \"$user\", public, pg_catalog;",
            make,
            vec![],
        ),
        (
            "SET search_path = app;",
            "SET search_path = app; SELECT 1;",
            vec![],
        ),
        ("SET work_mem = '8MB';", make, vec![]),
    ] {
        assert_eq!(warnings(&[first, second]), expected, "{first} {second}");
    }
    let many = ["SET ROLE a;", make, "SET ROLE b;", make];
    assert_eq!(warnings(&many), told("role"));
}

fn attempt(version: &str, action: Action, state: AttemptState, run: i64) -> Attempt {
    Attempt {
        id: AttemptId { run, number: 1 },
        source: "main".to_owned(),
        version: Version::new(version),
        name: String::new(),
        action,
        state,
        journalled: false,
        statements_done: 0,
        statement_running: None,
        statements: 1,
        hashes: String::new(),
        connection: None,
        state_before: None,
        error: None,
        started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        duration: std::time::Duration::ZERO,
        started_by: "a@b".to_owned(),
    }
}

/// `3` was applied by the run with token 2.
#[test]
fn what_was_tried_is_not_late_for_what_was_applied_until_then() {
    let mut migrations = files(&["1", "2", "3"]);
    let rows = [("1", Kind::Versioned), ("3", Kind::Versioned)];
    let mut history = applied(&migrations, &rows);
    let tried = |history: &History, migrations: &[Migration]| {
        planned(migrations, &[], history, &Goal::Latest).is_ok()
    };
    for (action, state, run, expected) in [
        (Action::Up, AttemptState::Failed, 2, true),
        (Action::Up, AttemptState::Failed, 3, true),
        (Action::Up, AttemptState::Failed, 1, false),
        (Action::Up, AttemptState::Resumed, 2, true),
        (Action::Down, AttemptState::Done, 2, false),
    ] {
        history.attempts = vec![attempt("2", action, state, run)];
        assert_eq!(tried(&history, &migrations), expected, "{action:?} {run}");
    }
    // What depends on it was passed over with it.
    let mut more = files(&["1", "2", "2.1", "2.2", "3"]);
    more[2].directives.depends = vec!["2".to_owned()];
    history.attempts = vec![attempt("2", Action::Up, AttemptState::Failed, 2)];
    assert!(!tried(&history, &more));
    more[3].directives.depends = vec!["2.1".to_owned()];
    assert!(tried(&history, &more));
    // Files in an order of their own.
    migrations = files(&["z", "a", "b"]);
    history = applied(
        &migrations,
        &[("z", Kind::Versioned), ("b", Kind::Versioned)],
    );
    assert!(!tried(&history, &migrations));
    history.attempts = vec![attempt("a", Action::Up, AttemptState::Failed, 2)];
    assert!(tried(&history, &migrations));
}
