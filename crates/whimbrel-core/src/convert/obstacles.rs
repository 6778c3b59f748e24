//! What native files have no word for.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::migration::{Kind, Migration};
use crate::plan::{Direction, PlanInput, put_in};

const CODE: &str = "not-convertible";

pub(super) fn find(input: PlanInput<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let sources: HashSet<_> = input.migrations.iter().map(|m| &m.source).collect();
    if sources.len() > 1 {
        problems.push(
            Diagnostic::error(CODE, "these are migrations of several sources")
                .help("convert one source at a time"),
        );
    }
    for hook in input.hooks {
        let message = format!("native files have no callbacks such as {}", hook.name);
        problems.push(
            Diagnostic::error(CODE, message)
                .at_script(&hook.script, 0..0, "")
                .help("put what it does into migrations, or keep the folder in its layout"),
        );
    }
    for (place, migration) in input.migrations.iter().enumerate() {
        problems.extend(of_one(&input.migrations[..place], migration));
        for direction in [Direction::Up, Direction::Down] {
            match put_in(input, migration, direction) {
                Ok(None) => {}
                Ok(Some((script, at))) => problems.push(
                    Diagnostic::error(
                        CODE,
                        "its tool puts a value in here, which native files would not",
                    )
                    .at_script(&script, at..at, "")
                    .help("write the value, or give it in [placeholders] under this name"),
                ),
                Err(list) => problems.extend(list),
            }
        }
    }
    problems
}

fn of_one(before: &[Migration], migration: &Migration) -> Vec<Diagnostic> {
    let rules = &migration.directives.rules;
    let mut list = Vec::new();
    let at_file = |message: &str, help: &str| {
        let message = format!("{}: {message}", migration.label());
        Diagnostic::error(CODE, message)
            .at_script(&migration.up, 0..0, "")
            .help(help)
    };
    if migration.kind == Kind::Repeatable && rules.in_place && !rules.always {
        list.push(at_file(
            "it runs again in its place among the others when it changes; native repeatable files run after all others",
            "make it a plain migration there, or a file of its own after the conversion",
        ));
    }
    if rules.always {
        list.push(at_file(
            "it runs with every `up`, changed or not; native files have no word for that",
            "run it by other means, or keep the folder in its layout",
        ));
    }
    for condition in &rules.conditions {
        let message = "native files have no preconditions";
        list.push(
            Diagnostic::error(CODE, message)
                .at(&migration.file, condition.span.clone(), "")
                .help("take it out once every database has this migration"),
        );
    }
    let below = |m: &&Migration| m.kind != Kind::Repeatable && m.version <= migration.version;
    if migration.kind == Kind::Baseline && before.iter().any(|m| below(&m)) {
        list.push(at_file(
            "it stands in for the migrations before it, which native files can't",
            "move either it or those before it away, and convert then",
        ));
    }
    list
}
