"""Private servers for a run, for engines whose server the environment does not name."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

POSTGRES, MYSQL = "WHIMBREL_INTEROP_PG", "WHIMBREL_INTEROP_MYSQL"
#: Not UTC, so that it shows which tools choose a zone of their own.
ZONE, OFFSET = "Asia/Kathmandu", "+05:45"
#: How long a server may take until it answers.
PATIENCE = 60


@contextmanager
def servers():
    """Starts what is not named in the environment and names it there; ends it at the end."""
    started = []
    try:
        for variable, kind in ((POSTGRES, PrivatePostgres), (MYSQL, PrivateMariaDb)):
            if variable not in os.environ and kind.is_here():
                server = kind()
                started.append((variable, server))
                server.start()
                os.environ[variable] = server.url
        yield
    finally:
        for variable, server in started:
            os.environ.pop(variable, None)
            server.end()


class Server:
    """A server process with a folder and a port of its own."""

    #: Whom it runs as where this process is root.
    user = ""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="whimbrel-interop-server-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None

    def start(self):
        """Prepares its data, starts it, and waits until it answers."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        self.prepare()
        with open(self.folder.parent / f"{self.folder.name}.log", "wb") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.as_user()
            )
        until = time.monotonic() + PATIENCE
        while subprocess.run(self.question(), capture_output=True, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no answer from {type(self).__name__}:\n{self.said()}")
            time.sleep(0.1)

    def end(self):
        """Ends it, and removes its folder."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_name(f"{self.folder.name}.log").unlink(missing_ok=True)

    def said(self):
        """The end of its log."""
        return self.folder.with_name(f"{self.folder.name}.log").read_text(errors="replace")[-2000:]

    def as_user(self):
        """Servers refuse to run as root."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.user, "group": self.user, "extra_groups": []}


class PrivatePostgres(Server):
    """The newest PostgreSQL that Debian's packages have put here."""

    user = "postgres"

    @staticmethod
    def bin():
        """The folder of its programs, or nothing."""
        found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
        return max((path.parent for path in found), key=lambda path: int(path.parent.name), default=None)

    @classmethod
    def is_here(cls):
        """Whether it is installed."""
        return cls.bin() is not None

    @property
    def url(self):
        """Where it listens."""
        return f"postgres://postgres@127.0.0.1:{self.port}"

    def prepare(self):
        command = [self.bin() / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [*command, "-D", self.folder / "data"], cwd=self.folder, check=True, capture_output=True, **self.as_user()
        )

    def command(self):
        settings = ["listen_addresses=127.0.0.1", "fsync=off", "unix_socket_directories=", f"timezone={ZONE}"]
        options = [part for setting in settings for part in ("-c", setting)]
        return [self.bin() / "postgres", "-D", self.folder / "data", "-p", str(self.port), *options]

    def question(self):
        return ["psql", "-q", "-d", f"{self.url}/postgres", "-c", "SELECT 1"]


class PrivateMariaDb(Server):
    """MariaDB as Debian's packages have put it here."""

    user = "mysql"
    PROGRAM = "/usr/sbin/mariadbd"

    @classmethod
    def is_here(cls):
        """Whether it is installed."""
        return Path(cls.PROGRAM).exists()

    @property
    def url(self):
        """Where it listens."""
        return f"mysql://root@127.0.0.1:{self.port}"

    def prepare(self):
        command = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        if os.geteuid() == 0:
            command.append(f"--user={self.user}")
        subprocess.run([*command, f"--datadir={self.folder / 'data'}"], check=True, capture_output=True)

    def command(self):
        places = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder}", f"--socket={self.folder / 'm.sock'}"]
        places += [f"--port={self.port}", f"--pid-file={self.folder / 'm.pid'}", "--bind-address=127.0.0.1"]
        return [self.PROGRAM, "--no-defaults", *places, "--innodb-flush-log-at-trx-commit=2", f"--default-time-zone={OFFSET}"]

    def question(self):
        login = ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={self.port}", "--user=root"]
        return ["mariadb", *login, "-e", "SELECT 1"]
