//! Folders, disks, databases and servers that refuse.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::binary::{succeeded, told};
use super::noise::noise;
use super::{BINARY, Project, refused};

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.starts_with(b"0\n")
}

#[test]
fn folders_that_cannot_be_read() {
    let project = Project::new();
    refused(&project.run(&["up", "--dir", "nowhere"]));
    project.write("file", "x");
    refused(&project.run(&["up", "--dir", "file"]));
    std::os::unix::fs::symlink("gone", project.path("link")).unwrap();
    refused(&project.run(&["up", "--dir", "link"]));
    // Without permission. Root has it everywhere, so the binary runs as somebody else.
    project.write("migrations/001_a.sql", "SELECT 1;");
    let copy = project.path("whimbrel");
    fs::copy(BINARY, &copy).unwrap();
    let mode = |path: &Path, mode: &str| {
        let changed = Command::new("chmod").arg(mode).arg(path).status().unwrap();
        assert!(changed.success());
    };
    mode(&copy, "755");
    mode(project.0.path(), "755");
    mode(&project.path("migrations"), "000");
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                "nobody",
                "--regid",
                "nogroup",
                "--clear-groups",
                "--",
            ])
            .arg(&copy);
        command
    } else {
        Command::new(&copy)
    };
    let output = command
        .args(["up", "--url", "sqlite:/tmp/none.db"])
        .current_dir(project.0.path());
    let output = output.output().unwrap();
    mode(&project.path("migrations"), "755");
    refused(&output);
    assert!(
        told(&output).contains("ermission denied"),
        "{}",
        told(&output)
    );
}

#[test]
fn a_full_disk_loses_nothing() {
    let project = Project::new();
    project.write(
        "migrations/001_a.sql",
        "CREATE TABLE a (t text);\nINSERT INTO a VALUES ('kept');\n",
    );
    let disk = project.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&disk)
        .output();
    let mounted = mounted.is_ok_and(|output| output.status.success());
    // Where nothing may be mounted, SQLite's own limit stands for the disk's.
    let limit = if mounted {
        "SELECT 1"
    } else {
        "PRAGMA max_page_count = 60"
    };
    let up = ["up", "--url", "sqlite:disk/a.db", "--session-sql", limit];
    succeeded(&project.run(&up));
    project.write(
        "migrations/002_b.sql",
        "INSERT INTO a SELECT hex(zeroblob(3000000));\n",
    );
    let failed = project.run(&up);
    refused(&failed);
    assert!(told(&failed).contains("full"), "{}", told(&failed));
    project.write("migrations/002_b.sql", "INSERT INTO a VALUES ('more');\n");
    succeeded(&project.run(&up));
    if mounted {
        assert!(
            Command::new("umount")
                .arg(&disk)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn a_database_that_cannot_be_written() {
    let project = Project::new();
    project.write("migrations/001_a.sql", "CREATE TABLE a (i integer);\n");
    let server = whimbrel_testkit::postgres();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.execute(
        &url,
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    );
    let output = project.run(&["up", "--url", &url]);
    refused(&output);
    assert!(told(&output).contains("read-only"), "{}", told(&output));
    project.write("random.db", noise(5, 5000));
    let output = project.run(&["up", "--url", "sqlite:random.db"]);
    refused(&output);
    assert!(
        told(&output).contains("no SQLite database"),
        "{}",
        told(&output)
    );
    assert_eq!(fs::read(project.path("random.db")).unwrap(), noise(5, 5000));
}

#[test]
fn a_servers_own_limit_is_named() {
    let project = Project::new();
    project.write("migrations/001_a.sql", "SELECT pg_sleep(10);\n");
    let server = whimbrel_testkit::postgres();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.execute(
        &url,
        &format!("ALTER DATABASE {name} SET statement_timeout = '200ms'"),
    );
    let output = project.run(&["up", "--url", &url]);
    refused(&output);
    assert!(
        told(&output).contains("the server's statement_timeout"),
        "{}",
        told(&output)
    );
}

#[test]
fn a_nul_byte_is_an_error_with_its_place() {
    let project = Project::new();
    let url = whimbrel_testkit::postgres().database();
    let database = ["sqlite:app.db", &url];
    // UTF-16 without its mark is UTF-8 with such bytes in it.
    let text = "CREATE TABLE a (i integer);\n";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    project.write("migrations/001_a.sql", wide);
    for url in database {
        let output = project.run(&["up", "--url", url]);
        refused(&output);
        let said = told(&output);
        assert!(
            said.contains("001_a.sql:1:2") && said.contains("UTF-16"),
            "{said}"
        );
    }
    // One that comes from elsewhere was waited for without end.
    project.write("migrations/001_a.sql", "CREATE TABLE a (t text);\n");
    let second = "CREATE TABLE b (t text);\nINSERT INTO a VALUES ('${x}');\n";
    project.write("migrations/002_b.sql", second);
    project.write("whimbrel.toml", "[placeholders]\nx = \"a\\u0000b\"\n");
    for url in database {
        let output = project.run(&["up", "--url", url]);
        refused(&output);
        let said = told(&output);
        assert!(
            said.contains("applied 001_a") && said.contains("002_b.sql:2:"),
            "{said}"
        );
        project.write("migrations/002_b.sql", "CREATE TABLE b (t text);\n");
        succeeded(&project.run(&["up", "--url", url]));
        project.write("migrations/002_b.sql", second);
    }
}
