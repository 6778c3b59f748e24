//! Many files, long statements, large files, and how much memory they take.

use std::fs;
use std::process::{Command, Output, Stdio};

use super::Project;
use super::binary::{succeeded, told};

#[test]
fn ten_thousand_files() {
    let project = Project::new();
    for number in 1..=10_000 {
        let text = format!("CREATE TABLE t{number} (i integer);\n");
        project.write(&format!("migrations/{number:05}_t.sql"), text);
    }
    succeeded(&project.run(&["up", "-q"]));
    let status = told(&project.run(&["status"]));
    assert!(
        status.contains("10000 in all, 10000 applied"),
        "{}",
        &status[status.len() - 200..]
    );
    assert!(told(&project.run(&["up"])).contains("Up to date"));
}

fn long_statement(url: &str) {
    let project = Project::new();
    let text = "x".repeat(10_000_000);
    let sql = format!(
        "CREATE TABLE a (t {});\nINSERT INTO a VALUES ('{text}');\n",
        if url.starts_with("mysql") {
            "longtext"
        } else {
            "text"
        }
    );
    project.write("migrations/001_long.sql", sql);
    succeeded(&project.run(&["up", "--url", url]));
    succeeded(&project.run(&["status", "--url", url]));
}

#[test]
fn a_statement_of_ten_megabytes() {
    long_statement("sqlite:long.db");
    long_statement(&whimbrel_testkit::postgres().database());
    long_statement(&whimbrel_testkit::mariadb().database());
}

/// The most memory that a process ever had, in MiB, as the kernel keeps it.
fn most_memory(mut command: Command) -> (Output, u64) {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watcher = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { break };
            most = line
                .trim()
                .trim_end_matches(" kB")
                .trim()
                .parse::<u64>()
                .unwrap()
                / 1024;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        most
    });
    let output = child.wait_with_output().unwrap();
    (output, watcher.join().unwrap())
}

/// 200 MB: as rows of a COPY, and as statements of a kilobyte.
#[test]
fn a_file_of_two_hundred_megabytes() {
    const LIMIT: u64 = 300;
    let project = Project::new();
    let mut copy = "CREATE TABLE a (i integer, t text);\nCOPY a FROM STDIN;\n".to_owned();
    let row = format!("7\t{}\n", "x".repeat(197));
    copy.push_str(&row.repeat(1_000_000));
    copy.push_str("\\.\n");
    project.write("migrations/001_copy.sql", copy);
    let url = whimbrel_testkit::postgres().database();
    let (output, most) = most_memory(project.command(&["up", "--url", &url]));
    succeeded(&output);
    assert_eq!(
        whimbrel_testkit::postgres().execute(&url, "SELECT count(*) FROM a"),
        "1000000"
    );
    assert!(most < LIMIT, "{most} MiB");

    let mut inserts = "CREATE TABLE a (t text);\n".to_owned();
    let insert = format!("INSERT INTO a VALUES ('{}');\n", "x".repeat(975));
    inserts.push_str(&insert.repeat(200_000));
    project.write("migrations/001_copy.sql", inserts);
    let (output, most) = most_memory(project.command(&["up", "--url", "sqlite:large.db"]));
    succeeded(&output);
    assert!(most < LIMIT, "{most} MiB");
}

/// A file of data has millions of statements, which must cost little besides their text.
#[test]
fn half_a_million_statements() {
    let project = Project::new();
    let mut inserts = "CREATE TABLE a (t text);\n".to_owned();
    let insert = format!("INSERT INTO a VALUES ('{}');\n", "x".repeat(70));
    inserts.push_str(&insert.repeat(500_000));
    let size = u64::try_from(inserts.len()).unwrap() / (1024 * 1024);
    project.write("migrations/001_data.sql", inserts);
    let (output, most) = most_memory(project.command(&["up", "--url", "sqlite:many.db"]));
    succeeded(&output);
    // What a file of 200 MB may take, in proportion; and the program itself.
    let limit = size * 3 / 2 + 20;
    assert!(most < limit, "{most} MiB for {size} MiB");
}
