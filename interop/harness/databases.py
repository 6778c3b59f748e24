"""Databases for a trial, and what is in them as text that can be compared."""

import os
import sqlite3
import subprocess
import uuid
from urllib.parse import urlsplit

from .schema import normalised

#: What Whimbrel keeps for itself.
WHIMBREL_TABLES = ("whimbrel_applied", "whimbrel_log", "whimbrel_lock", "whimbrel_scripts")


def engines():
    """The engines that can be reached: SQLite, and the servers named in the environment."""
    found = {"sqlite": Sqlite, "d1": LocalD1}
    if "WHIMBREL_INTEROP_PG" in os.environ:
        found["postgres"] = Postgres
    if "WHIMBREL_INTEROP_MYSQL" in os.environ:
        found["mysql"] = Mysql
    return found


class Sqlite:
    """A file."""

    engine = "sqlite"

    def __init__(self, folder):
        self.path = folder / "app.db"
        sqlite3.connect(self.path).close()
        self.url = f"sqlite:{self.path}"

    def dump(self, tables, _schemas):
        """`sqlite_master` and all rows, without the named tables."""
        hidden = {*tables, *WHIMBREL_TABLES}
        connection = sqlite3.connect(self.path)
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1, 2"
        lines = []
        for kind, name, table, sql in connection.execute(query).fetchall():
            if table in hidden or name.startswith("sqlite_"):
                continue
            lines.append(f"{kind} {name}: {sql}")
            if kind == "table":
                rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()
                lines += [f"{name}: {row}" for row in sorted(map(repr, rows))]
        connection.close()
        return normalised("\n".join(lines))

    def run(self, sql):
        """Runs a statement outside of any tool."""
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA foreign_keys = on")
            connection.execute(sql)
        connection.close()

    def drop(self):
        """The project's folder goes, and this with it."""


class LocalD1(Sqlite):
    """The database of wrangler's local engine, a file somewhere below the project."""

    engine = "d1"

    def __init__(self, folder):
        self.project = folder / "project"
        self.url = f"d1-local:{self.project}"

    @property
    def path(self):
        """Where wrangler has put it."""
        files = self.project.glob(".wrangler/state/v3/d1/*/*.sqlite")
        return next(path for path in files if path.stem != "metadata")

    def dump(self, tables, schemas):
        """As SQLite, without what D1 keeps for itself."""
        return super().dump((*tables, "_cf_METADATA", "_cf_KV"), schemas)


class Postgres:
    """A database of the server that WHIMBREL_INTEROP_PG names."""

    engine = "postgres"

    def __init__(self, _folder):
        self.server = urlsplit(os.environ["WHIMBREL_INTEROP_PG"])
        self.name = f"interop_{uuid.uuid4().hex[:12]}"
        # The other template can't be copied while its statistics are gathered.
        self.admin(f"CREATE DATABASE {self.name} TEMPLATE template0")
        self.url = self.server._replace(path=f"/{self.name}").geturl()

    def dump(self, tables, schemas):
        """`pg_dump` of schema and rows, without the named tables and schemas."""
        command = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", "--dbname", self.url]
        for table in (*tables, *WHIMBREL_TABLES):
            # Their sequences are named after them.
            command += [f"--exclude-table={table}", f"--exclude-table={table}_*seq"]
        command += [f"--exclude-schema={schema}" for schema in schemas]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return normalised(done.stdout)

    def run(self, sql):
        """Runs a statement outside of any tool."""
        self._client(self.url, sql)

    def drop(self):
        """Removes the database."""
        self.admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def admin(self, sql):
        """Runs SQL that is about the server."""
        self._client(self.server.geturl(), sql)

    @staticmethod
    def _client(url, sql):
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{sql}: {done.stderr.strip()}")


class Mysql:
    """A database of the server that WHIMBREL_INTEROP_MYSQL names (by TCP)."""

    engine = "mysql"

    def __init__(self, _folder):
        self.server = urlsplit(os.environ["WHIMBREL_INTEROP_MYSQL"])
        self.name = f"interop_{uuid.uuid4().hex[:12]}"
        self.admin(f"CREATE DATABASE {self.name}")
        self.url = self.server._replace(path=f"/{self.name}").geturl()

    def dump(self, tables, _schemas):
        """`mariadb-dump` of schema and rows, without the named tables."""
        command = ["mariadb-dump", *self.login(), "--skip-comments", "--skip-extended-insert"]
        command += ["--routines", "--triggers", "--order-by-primary", "--hex-blob"]
        for table in (*tables, *WHIMBREL_TABLES):
            command.append(f"--ignore-table={self.name}.{table}")
        done = subprocess.run([*command, self.name], capture_output=True, text=True, check=True)
        return normalised(done.stdout)

    def run(self, sql):
        """Runs a statement outside of any tool."""
        self._client(sql, "--delimiter=//", self.name)

    def drop(self):
        """Removes the database."""
        self.admin(f"DROP DATABASE IF EXISTS {self.name}")

    def login(self):
        """The options with which MariaDB's programs reach the server."""
        options = [f"--host={self.server.hostname}", f"--port={self.server.port or 3306}"]
        options += [f"--user={self.server.username or 'root'}", "--protocol=tcp"]
        if self.server.password:
            options.append(f"--password={self.server.password}")
        return options

    def admin(self, sql):
        """Runs SQL that is about the server."""
        self._client(sql)

    def _client(self, sql, *options):
        command = ["mariadb", *self.login(), *options, "-e", sql]
        subprocess.run(command, check=True, capture_output=True)
