//! Whatever it is given, the binary says what is wrong, loses nothing and does not panic.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_whimbrel");

struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        fs::create_dir(project.path("migrations")).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).current_dir(self.0.path());
        command.env_clear().env("USER", "ada");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// An exit code of its own, and words.
fn refused(output: &Output) {
    let text = said(output);
    assert!(
        matches!(output.status.code(), Some(1..=9)),
        "{:?}: {text}",
        output.status
    );
    assert!(text.contains("error["), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{:?}: {}",
        output.status,
        said(output)
    );
}

/// Bytes that depend on the number alone (xorshift).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// The same, of characters that such files are made of.
fn scraps(seed: u64, length: usize) -> Vec<u8> {
    const SCRAPS: &[&str] = &[
        "CREATE ",
        "TABLE ",
        "a",
        "(",
        ")",
        ";",
        "'",
        "\"",
        "$$",
        "$x$",
        "--",
        "/*",
        "*/",
        "\n",
        "BEGIN",
        " ",
        "-- Rollback\n",
        "-- Transaction: ",
        "\\",
        "E'",
        "COPY t FROM STDIN;\n",
        "\\.\n",
        "END",
        "[",
        "]",
        "=",
        "${",
        "}",
        "url",
        "\u{e9}",
    ];
    let places = noise(seed, length);
    places
        .iter()
        .flat_map(|&byte| SCRAPS[usize::from(byte) % SCRAPS.len()].bytes())
        .collect()
}

#[test]
fn noise_as_migrations() {
    for seed in 0..40 {
        let project = Project::new();
        let bytes = if seed % 2 == 0 {
            noise(seed, 400)
        } else {
            scraps(seed, 60)
        };
        project.write("migrations/001_noise.sql", &bytes);
        let output = project.run(&["up"]);
        let text = said(&output);
        assert!(
            matches!(output.status.code(), Some(0..=9)),
            "seed {seed}: {:?}: {text}",
            output.status
        );
        assert!(!text.contains("panicked"), "seed {seed}: {text}");
        assert!(
            matches!(project.run(&["status"]).status.code(), Some(0..=9)),
            "seed {seed}"
        );
    }
}

#[test]
fn noise_as_settings() {
    for seed in 0..40 {
        let project = Project::new();
        let bytes = if seed % 2 == 0 {
            noise(seed, 200)
        } else {
            scraps(seed, 40)
        };
        project.write("whimbrel.toml", &bytes);
        let output = project.run(&["status"]);
        assert!(
            !said(&output).contains("panicked"),
            "seed {seed}: {}",
            said(&output)
        );
        assert!(
            matches!(output.status.code(), Some(0..=9)),
            "seed {seed}: {}",
            said(&output)
        );
    }
}

#[test]
fn noise_as_urls_never_shows_its_password() {
    let shapes = [
        "postgres://u:hunter2@[::1/x",
        "postgres://u:hunter2@127.0.0.1:99999/x",
        "postgres://u:hunter2@",
        "mysql://u:hunter2@:x/y",
        "postgres://u:hun%ter2%zz@127.0.0.1:1/x",
        "postgres:u:hunter2",
        "://u:hunter2@h",
        "postgres://u:hunter2@h/x?sslmode=what",
        "mysql://u:hunter2@127.0.0.1:1/x?ssl-mode=1",
        "sqlite://u:hunter2@/\u{0}x",
        "d1://u:hunter2@h",
        "postgres://u:hunter2@127.0.0.1:1/x",
        "host=127.0.0.1 port=1 password=hunter2 dbname='x",
        "foo://u:hunter2@127.0.0.1/x",
    ];
    for shape in shapes {
        let project = Project::new();
        project.write("migrations/001_a.sql", "SELECT 1;");
        let output = project.run(&["up", "--url", &shape.replace('\u{0}', "")]);
        refused(&output);
        let text = said(&output);
        assert!(
            !text.contains("hunter2") && !text.contains("ter2"),
            "{shape}: {text}"
        );
    }
}

#[test]
fn ten_thousand_files() {
    let project = Project::new();
    for number in 1..=10_000 {
        let text = format!("CREATE TABLE t{number} (i integer);\n");
        project.write(&format!("migrations/{number:05}_t.sql"), text);
    }
    succeeded(&project.run(&["up", "-q"]));
    let status = said(&project.run(&["status"]));
    assert!(
        status.contains("10000 in all, 10000 applied"),
        "{}",
        &status[status.len() - 200..]
    );
    assert!(said(&project.run(&["up"])).contains("Up to date"));
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
        said(&output).contains("ermission denied"),
        "{}",
        said(&output)
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
    assert!(said(&failed).contains("full"), "{}", said(&failed));
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
    assert!(said(&output).contains("read-only"), "{}", said(&output));
    project.write("random.db", noise(5, 5000));
    let output = project.run(&["up", "--url", "sqlite:random.db"]);
    refused(&output);
    assert!(
        said(&output).contains("no SQLite database"),
        "{}",
        said(&output)
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
        said(&output).contains("the server's statement_timeout"),
        "{}",
        said(&output)
    );
}
