//! Starting servers as another user, and ending them always.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::programs::missing;

/// How long a server may take to answer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A free port of the loopback address.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A folder that another user may own and reach, removed by the watchdog.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(crate::unique(&format!("whimbrel_{name}")));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

/// True if this process is root, which servers refuse to be.
pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout.starts_with(b"0\n")
}

/// A command, run as `user` if this process is root.
pub(crate) fn as_user(user: &str, program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
            .arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Gives a folder to a user, if this process may.
pub(crate) fn give(folder: &Path, user: &str) {
    if is_root() {
        run(Command::new("chown").arg("-R").arg(user).arg(folder));
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> ! {
    if error.kind() == std::io::ErrorKind::NotFound {
        missing(&command.get_program().to_string_lossy());
    }
    panic!("{command:?}: {error}")
}

/// Runs a command to its end; a failure is loud.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| not_started(command, &error));
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server's process, with a folder and a port of its own; it can be killed and started again.
#[derive(Debug)]
pub struct Daemon {
    folder: PathBuf,
    port: u16,
    /// It leads a process group, which is killed with it.
    leads: bool,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    pub(crate) fn new(name: &str) -> Self {
        let folder = folder(name);
        Self::watch(&folder);
        Self {
            folder,
            port: free_port(),
            leads: false,
            child: Mutex::default(),
        }
    }

    /// One that starts processes of its own.
    pub(crate) fn leading(name: &str) -> Self {
        Self {
            leads: true,
            ..Self::new(name)
        }
    }

    /// A watchdog waits for the end of its standard input, which comes when this process ends, then
    /// stops the server, with its process group if it leads one, and removes the folder.
    #[allow(clippy::zombie_processes, reason = "it outlives this process")]
    fn watch(folder: &Path) {
        let script = "while read -r line; do :; done; p=$(cat \"$1/server.pid\"); kill -INT $p 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 $p 2>/dev/null || break; sleep 0.2; done; kill -KILL $p 2>/dev/null; kill -KILL -- -$p 2>/dev/null; rm -rf -- \"$1\"";
        let watchdog = Command::new("sh")
            .args(["-c", script, "watchdog"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        // The pipe's end stays open as long as this process lives.
        std::mem::forget(watchdog.stdin);
    }

    /// Its own folder; gone when this process is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it listens on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn start(&self, server: &mut Command) {
        let log = std::fs::File::create(self.folder.join("server.log")).expect("a log file");
        if self.leads {
            server.process_group(0);
        }
        let child = server
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| not_started(server, &error));
        std::fs::write(self.folder.join("server.pid"), child.id().to_string()).expect("a pid file");
        *self.child.lock().expect("no panic while it is held") = Some(child);
    }

    /// Ends the process as a crash does, with what it started.
    ///
    /// # Panics
    /// It can't be killed.
    pub fn kill(&self) {
        let child = self.child.lock().expect("no panic while it is held").take();
        if let Some(mut child) = child {
            let sign = if self.leads { "-" } else { "" };
            let whom = format!("{sign}{}", child.id());
            run(Command::new("kill").args(["-9", "--", &whom]));
            child.wait().expect("it was ours");
        }
    }

    /// Makes it stand still until [`Daemon::go_on`]: it answers nobody.
    pub fn stand_still(&self) {
        self.signal("-STOP");
    }

    /// Ends [`Daemon::stand_still`].
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let child = self.child.lock().expect("no panic while it is held");
        let id = child.as_ref().expect("it runs").id();
        run(Command::new("kill").args([name, &id.to_string()]));
    }

    /// True if the process ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        let mut child = self.child.lock().expect("no panic while it is held");
        child
            .as_mut()
            .is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }
}

/// Waits until a server answers.
pub(crate) fn wait_for(what: &str, folder: &Path, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(
            started.elapsed() < START_LIMIT,
            "{what} does not answer: {}",
            std::fs::read_to_string(folder.join("server.log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// True if a command ends well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
