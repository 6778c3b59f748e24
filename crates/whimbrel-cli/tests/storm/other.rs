//! Another session in the same database.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::engine::{Engine, Project};

/// Another session, which does what it is told.
pub(crate) struct Other {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Other {
    pub(crate) fn new(project: &Project<'_>) -> Self {
        let mut client = if matches!(project.engine, Engine::Postgres(_)) {
            let mut client = Command::new("psql");
            client.args(["-X", "-q", "-A", "-t", &project.url]);
            client
        } else {
            let (place, database) = project.url.rsplit_once('/').unwrap();
            let port = place.rsplit(':').next().unwrap();
            let mut client = Command::new("mariadb");
            client.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1"]);
            client.args([
                "-N",
                "-B",
                "--unbuffered",
                "-u",
                "root",
                "-P",
                port,
                database,
            ]);
            client
        };
        let client = client.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = client.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    pub(crate) fn say(&mut self, sql: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{sql}").unwrap();
        input.flush().unwrap();
    }

    /// Says something and waits for the one row that it gives.
    pub(crate) fn ask(&mut self, sql: &str) {
        self.say(sql);
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).unwrap();
        assert!(read > 0, "no answer to {sql}");
    }

    /// It has no more to say, and all that it said was done.
    pub(crate) fn end_well(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// The server ended it.
    pub(crate) fn end_badly(mut self) {
        self.say("SELECT 1;");
        drop(self.child.stdin.take());
        assert!(!self.child.wait().unwrap().success());
    }
}
