//! Flyway's folders, read as they are.
#![allow(missing_docs, clippy::unwrap_used)]

mod folder;

use folder::{Folder, down, find, versions};
use whimbrel_core::hook::When;
use whimbrel_core::migration::{Kind, Transactions};
use whimbrel_core::plan::Direction;
use whimbrel_core::rules::{Placeholders, ServerFact};
use whimbrel_core::source::{Directory, Source};
use whimbrel_import::layouts;
use whimbrel_sql::Dialect;

#[test]
fn versions_are_numbers_between_dots_or_underscores() {
    let folder = Folder::new(&[
        ("V10__ten.sql", "SELECT 10;"),
        ("V2__two.sql", "SELECT 2;"),
        ("V1_10__b.sql", "SELECT 1;"),
        ("sub/V1.2__a.sql", "BEGIN; SELECT 1; COMMIT; VACUUM;"),
        ("U2__two.sql", "SELECT -2;"),
        ("B2__two.sql", "SELECT 1; SELECT 2;"),
        ("R__zoo.sql", "SELECT '${flyway:timestamp}';"),
        ("R__ants.sql", "SELECT 'COMMIT';"),
        (
            "V2__two.sql.conf",
            "# ours\nexecuteInTransaction=false\nplaceholderReplacement = false\n",
        ),
        ("V3__notes.md", "# not SQL\n"),
        ("v4__small.sql", "SELECT 4;"),
    ]);
    let loaded = folder.loaded("flyway");
    assert_eq!(
        versions(&loaded),
        ["1.2", "1.10", "2", "2", "10", "R__ants", "R__zoo"]
    );
    let two = &loaded.migrations[2];
    assert_eq!(
        (two.kind, two.directives.transaction),
        (Kind::Versioned, Some(false))
    );
    assert_eq!(two.directives.rules.placeholders, Placeholders::Off);
    assert_eq!(down(two).unwrap(), "SELECT -2;");
    assert_eq!(loaded.migrations[3].kind, Kind::Baseline);
    assert_eq!(find(&loaded, "1.2").transactions, Transactions::Wrapped);
    assert_eq!(find(&loaded, "R__ants").transactions, Transactions::Strict);
    assert!(find(&loaded, "R__zoo").directives.rules.always);
    assert_eq!(
        folder.warnings(&loaded),
        [
            "v4__small.sql:1:1: this file is passed over, as in Flyway: its name is not one of a migration"
        ]
    );
}

#[test]
fn callbacks_are_hooks() {
    let folder = Folder::new(&[
        (
            "V1__a.sql",
            "SELECT '${flyway:user} ${flyway:DefaultSchema}';",
        ),
        ("afterMigrate__b.sql", "SELECT 2;"),
        ("afterMigrate__a.sql", "SELECT '${flyway:filename}';"),
        ("beforeMigrate.sql", "SELECT 1;"),
        ("callbacks/beforeEachMigrate.sql", "SELECT 3;"),
        ("afterUndo.sql", "SELECT 4;"),
        ("afterMigrateError.sql", "SELECT 5;"),
        ("afterMigrateApplied.sql.conf", "executeInTransaction=false"),
        ("afterMigrateApplied.sql", "VACUUM;"),
    ]);
    let loaded = folder.loaded("flyway");
    let hooks: Vec<_> = loaded
        .hooks
        .iter()
        .map(|h| (h.name.as_str(), h.when, h.direction))
        .collect();
    assert_eq!(
        hooks,
        [
            ("beforeMigrate", When::Before, Direction::Up),
            ("beforeEachMigrate", When::BeforeEach, Direction::Up),
            ("afterMigrateApplied", When::AfterApplied, Direction::Up),
            ("afterMigrate__a", When::After, Direction::Up),
            ("afterMigrate__b", When::After, Direction::Up),
            ("afterUndo", When::After, Direction::Down),
        ]
    );
    assert_eq!(loaded.hooks[2].directives.transaction, Some(false));
    let Placeholders::On { values, strict, .. } = &loaded.hooks[3].directives.rules.placeholders
    else {
        panic!()
    };
    assert_eq!(
        (values["flyway:filename"].as_str(), *strict),
        ("afterMigrate__a.sql", true)
    );
    let Placeholders::On { server, .. } = &loaded.migrations[0].directives.rules.placeholders
    else {
        panic!()
    };
    let facts: Vec<_> = server.iter().map(|(_, fact)| *fact).collect();
    assert_eq!(facts, [ServerFact::Schema, ServerFact::User]);
    assert_eq!(
        folder.warnings(&loaded),
        [
            "afterMigrateError.sql:1:1: the callback afterMigrateError is passed over: `up` and `down` never come to it"
        ]
    );
}

#[test]
fn what_cannot_be_done_is_refused_with_its_place() {
    let folder = Folder::new(&[
        ("V1__a.sql", "SELECT 1;"),
        ("V1.0__b.sql", "SELECT 1;"),
        ("V2__code.java", "class V2__code {}"),
        ("beforeEachMigrateStatement.sql", "SELECT 1;"),
        (
            "V1__a.sql.conf",
            "\nshouldExecute=false\nencoding=ISO_8859_1\n",
        ),
    ]);
    let mut errors = folder.errors(Dialect::Postgres);
    errors.sort();
    assert_eq!(
        errors,
        [
            "V1__a.sql.conf:2:1: the script setting shouldExecute can't be followed",
            "V1__a.sql.conf:3:1: the encoding ISO_8859_1 can't be read: save the script as UTF-8",
            "V1__a.sql:1:1: version 1.0 is in two files: V1.0__b.sql and V1__a.sql",
            "V2__code.java:1:1: V2__code.java is a program, which Whimbrel can't run",
            "beforeEachMigrateStatement.sql:1:1: the callback beforeEachMigrateStatement can't be run",
        ]
    );
}

#[test]
fn placeholders_can_be_turned_off() {
    let folder = Folder::new(&[("V1__a.sql", "SELECT '${x}';")]);
    let off = |value| {
        folder
            .directory()
            .layout_option("placeholder-replacement", value)
    };
    let loaded = off("false").load(Dialect::Postgres).unwrap();
    assert_eq!(
        loaded.migrations[0].directives.rules.placeholders,
        Placeholders::Off
    );
    assert!(off("no").load(Dialect::Postgres).is_err());
}

#[test]
fn locations_are_sorted_together() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(one.path().join("V2__b.sql"), "SELECT 2;").unwrap();
    std::fs::write(two.path().join("V1__a.sql"), "SELECT 1;").unwrap();
    let directory = Directory::new(one.path())
        .and(two.path())
        .known_layouts(layouts());
    let loaded = directory.load(Dialect::Postgres).unwrap();
    assert_eq!(versions(&loaded), ["1", "2"]);
}

/// Within Flyway's transaction a BEGIN does nothing, also one that nothing ends.
#[test]
fn a_file_with_its_own_begin_is_run_as_flyway_runs_it() {
    let folder = Folder::new(&[
        ("V1__a.sql", "BEGIN;\nSELECT 1;\n"),
        ("V1_1__b.sql", "DO $$\nBEGIN\n  NULL;\nEND $$;\n"),
    ]);
    let loaded = folder.loaded("flyway");
    let rule = |version| find(&loaded, version).transactions;
    assert_eq!(rule("1"), Transactions::Wrapped);
    assert_eq!(rule("1.1"), Transactions::default());
}

#[test]
fn the_extension_may_be_in_capitals() {
    let folder = Folder::new(&[("V1__a.SQL", "SELECT 1;"), ("V1_1__b.sql", "SELECT 2;")]);
    assert_eq!(versions(&folder.loaded("flyway")), ["1", "1.1"]);
}

#[test]
fn others_folders_are_left_to_others() {
    let with_code = Folder::new(&[("V1__a.sql", "SELECT 1;"), ("V2__b.rs", "")]);
    let loaded = with_code.load(Dialect::Postgres);
    assert!(!loaded.is_ok_and(|loaded| loaded.layout.unwrap().name == "flyway"));
    let native = Folder::new(&[("001_a.sql", "SELECT 1;"), ("R__view.sql", "SELECT 1;")]);
    native.loaded("native");
}

const SETTINGS: &str = "# ours
flyway.url=jdbc:postgresql://db/app
flyway.locations=filesystem:sql
flyway.sqlMigrationPrefix=M
flyway.sqlMigrationSeparator=--
flyway.sqlMigrationSuffixes=.sql,.pgsql
flyway.placeholderPrefix=#[
flyway.placeholderSuffix=]
flyway.placeholders.who=ann
flyway.defaultSchema=app
flyway.outOfOrder=true
flyway.mixed=true
";

/// The settings stand above the folder that is named.
#[test]
fn the_projects_settings_are_heeded() {
    let folder = Folder::new(&[
        ("flyway.conf", SETTINGS),
        ("sql/M1--a.sql", "SELECT '#[who] ${who}';"),
        ("sql/M2--b.pgsql", "SELECT 2; VACUUM;"),
        ("other/V1__a.sql", "SELECT 1;"),
    ]);
    let load = |place: &str, layout: Option<&str>| {
        let mut directory = Directory::new(folder.at(place));
        directory = directory.known_layouts(layouts());
        if let Some(name) = layout {
            directory = directory.layout(whimbrel_import::layout_by_name(name).unwrap());
        }
        directory.load(Dialect::Postgres).unwrap()
    };
    let loaded = load("sql", None);
    assert_eq!(versions(&loaded), ["1", "2"]);
    let directives = &loaded.migrations[0].directives;
    assert_eq!(directives.allow, ["out-of-order"]);
    let modes = loaded
        .migrations
        .iter()
        .map(|one| one.directives.transaction);
    assert_eq!(modes.collect::<Vec<_>>(), [None, Some(false)]);
    let schema = directives.rules.schema.as_ref().unwrap();
    assert_eq!(schema.schema, "app");
    let Placeholders::On { values, marks, .. } = &directives.rules.placeholders else {
        panic!()
    };
    let marks = (marks.before.as_str(), marks.behind.as_str());
    assert_eq!((values["who"].as_str(), marks), ("ann", ("#[", "]")));
    // They are about their own locations.
    let other = load("other", Some("flyway"));
    assert_eq!(other.migrations[0].directives.rules.schema, None);
}

/// By these Flyway would run something else.
#[test]
fn settings_that_change_what_runs_are_refused() {
    let toml = "[flyway]\nlocations = [\"filesystem:target/sql\"]\ntarget = \"2\"\ncherryPick = [\"1\"]\noutOfOrder = true\n[environments.default]\nschemas = [\"app\"]\ninitSql = \"SET ROLE app\"\n[environments.other]\nschemas = [\"no\"]\n";
    let folder = Folder::new(&[("flyway.toml", toml), ("target/sql/V1__a.sql", "SELECT 1;")]);
    let load = |options: &[(&str, &str)]| {
        let mut directory = Directory::new(folder.at("target/sql")).known_layouts(layouts());
        for (name, value) in options {
            directory = directory.layout_option(*name, *value);
        }
        directory.load(Dialect::Postgres)
    };
    let error = load(&[]).unwrap_err();
    let texts: Vec<_> = error
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    let ends = [
        "flyway.toml:8:1: the setting initSql is not followed",
        "flyway.toml:3:1: the setting target is not followed",
        "flyway.toml:4:1: the setting cherryPick is not followed",
    ];
    assert_eq!(texts.len(), ends.len());
    assert!(
        texts
            .iter()
            .zip(ends)
            .all(|(text, end)| text.ends_with(end)),
        "{texts:?}"
    );
    let loaded = load(&[("ignore-settings", "initSql, target,cherryPick")]).unwrap();
    let schema = loaded.migrations[0].directives.rules.schema.as_ref();
    assert_eq!(schema.unwrap().schema, "app");
}

/// What holds of them is decided where they run.
#[test]
fn settings_of_applications_and_builds_are_named() {
    let yaml = "spring:\n  flyway:\n    enabled: true\n    locations: [classpath:db/migration, 'classpath:db/{vendor}']\n    out-of-order: false\n    placeholders:\n      user-name: ann\n";
    let properties = "spring.flyway.url=jdbc:x\nspring.flyway.baseline-on-migrate=true\n# spring.flyway.target=1\nspring.flyway.placeholder-prefix=#{\n";
    let pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><properties><flyway.outOfOrder>true</flyway.outOfOrder></properties><build><plugins><plugin><artifactId>flyway-maven-plugin</artifactId>\n<configuration><url>x</url><placeholders><who>a</who></placeholders></configuration></plugin></plugins></build></project>";
    let gradle = "plugins { id 'org.flywaydb.flyway' }\nflyway {\n  url = 'x'\n  initSql = 'SET x = 1'\n  mixed = false\n}\nother {\n  target = 1\n}\n";
    let folder = Folder::new(&[
        (".git/HEAD", ""),
        ("src/main/resources/db/migration/V1__a.sql", "SELECT 1;"),
        ("src/main/resources/application.yml", yaml),
        ("src/main/resources/application-prod.properties", properties),
        ("pom.xml", pom),
        ("build.gradle", gradle),
    ]);
    let at = folder.at("src/main/resources/db/migration");
    let load = |on: &str| {
        let directory = Directory::new(&at).known_layouts(layouts());
        directory
            .layout_option("project-settings", on)
            .load(Dialect::Postgres)
            .unwrap()
    };
    let plain = Directory::new(&at)
        .known_layouts(layouts())
        .load(Dialect::Postgres)
        .unwrap();
    let mut texts: Vec<_> = plain
        .warnings
        .iter()
        .map(|one| one.to_string().rsplit('/').next().unwrap().to_owned())
        .collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            "application-prod.properties:4:1: application-prod.properties sets placeholderPrefix for Flyway, which is not read",
            "application.yml:4:5: application.yml sets locations, placeholders.user-name for Flyway, which is not read",
            "build.gradle:4:3: build.gradle sets initSql for Flyway, which is not read",
            "pom.xml:2:1: pom.xml sets placeholders.who, outOfOrder for Flyway, which is not read",
        ]
    );
    assert!(load("false").warnings.is_empty());
}
