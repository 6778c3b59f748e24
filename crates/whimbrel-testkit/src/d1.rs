//! Cloudflare D1's local engine (workerd), behind the form of its public HTTP API.

mod line;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

pub use self::line::{Fate, Line, Texts};
use crate::process::{Daemon, run, succeeds, wait_for};
use crate::programs::unpacked;

/// The account that the server knows.
const ACCOUNT: &str = "account";
/// How many databases there are; each makes the start a little slower.
static DATABASES: LazyLock<usize> = LazyLock::new(|| {
    // A storm of many rounds takes one for each.
    let rounds = std::env::var("WHIMBREL_STORM_ROUNDS").ok();
    200 + rounds.and_then(|text| text.parse().ok()).unwrap_or(0)
});

/// A server on a port of its own.
#[derive(Debug)]
pub struct D1Server {
    data: PathBuf,
    pub(crate) daemon: Daemon,
    databases: usize,
    next: AtomicUsize,
}

/// Of a server that is killed and started again.
const FEW: usize = 60;

/// This test process's server; started by the first who asks.
///
/// # Panics
/// The packages are not installed; the message says how to install them.
pub fn d1() -> &'static D1Server {
    static SERVER: OnceLock<D1Server> = OnceLock::new();
    SERVER.get_or_init(|| D1Server::launch(*DATABASES))
}

fn modules() -> PathBuf {
    let package = include_str!("../d1/package.json");
    let version = package.split("\"miniflare\": \"").nth(1);
    let version = version.and_then(|rest| rest.split('"').next());
    let folder = format!("d1-{}", version.unwrap_or_default());
    unpacked("the local D1 engine", &folder).join("node_modules")
}

impl D1Server {
    /// What the server takes as a token.
    pub const TOKEN: &'static str = "test-token";

    /// A server for one test alone, which may kill it.
    pub fn private() -> Self {
        Self::launch(FEW)
    }

    fn launch(databases: usize) -> Self {
        let daemon = Daemon::leading("d1");
        let server = Self {
            data: daemon.folder().join("data"),
            daemon,
            databases,
            next: AtomicUsize::new(1),
        };
        server.start();
        server
    }

    /// Starts it, on what is there of its databases, and waits until it answers.
    ///
    /// # Panics
    /// It does not.
    pub fn start(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("d1/server.mjs");
        let mut server = Command::new("node");
        server.env("WHIMBREL_D1_MODULES", modules());
        server
            .arg(script)
            .arg(self.port().to_string())
            .arg(&self.data);
        server.args([ACCOUNT, Self::TOKEN, &self.databases.to_string()]);
        self.daemon.start(&mut server);
        wait_for("D1", self.folder(), || {
            succeeds(&mut self.request("db-1", "SELECT 1"))
        });
    }

    /// A new, empty database; gives its URL. The token is [`D1Server::TOKEN`].
    ///
    /// # Panics
    /// All databases are given out.
    pub fn database(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let all = self.databases;
        assert!(number <= all, "there are {all} databases");
        format!("d1+http://127.0.0.1:{}/{ACCOUNT}/db-{number}", self.port())
    }

    /// A line to the database of a URL on which a rule decides what happens to each request, by
    /// its body.
    pub fn line(&self, url: &str, rule: impl FnMut(&str) -> Fate + Send + 'static) -> Line {
        Line::new(self.port(), url, Box::new(rule))
    }

    /// The folder with the databases' files, as `wrangler dev` keeps them.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The rows that a query gives, as JSON.
    ///
    /// # Panics
    /// The query fails.
    pub fn rows(&self, url: &str, sql: &str) -> String {
        let answer = self.execute(url, sql);
        let start = answer.find("\"results\":").expect("rows") + "\"results\":".len();
        let end = answer.rfind("}]}").expect("an end");
        answer[start..end].to_owned()
    }

    /// Runs SQL by curl in the database of a URL; gives the answer's JSON.
    pub fn execute(&self, url: &str, sql: &str) -> String {
        run(&mut self.request(url.rsplit('/').next().unwrap_or_default(), sql))
    }

    fn request(&self, database: &str, sql: &str) -> Command {
        let mut curl = Command::new("curl");
        let quoted = sql.replace('\\', "\\\\").replace('"', "\\\"");
        let quoted = quoted.replace('\n', "\\n");
        curl.args(["--silent", "--show-error", "--fail-with-body", "-H"])
            .arg(format!("Authorization: Bearer {}", Self::TOKEN))
            .args(["-d", &format!("{{\"sql\": \"{quoted}\"}}")])
            .arg(format!(
                "http://127.0.0.1:{}/client/v4/accounts/{ACCOUNT}/d1/database/{database}/query",
                self.port()
            ));
        curl
    }
}
