"""goose, golang-migrate and sql-migrate, as Go modules; dbmate, whose program npm delivers."""

import json
import os

from ..library import is_compound
from ..tool import Tool

ENGINES = ("postgres", "sqlite", "mysql")


class Goose(Tool):
    """pressly/goose."""

    name = "goose"
    version = "3.29.0"
    registry = "Go"
    quick = True
    engines = ENGINES
    own_tables = ("goose_db_version",)
    undoes = True
    runs_alone = True
    #: Drivers that are not tried here and would only be compiled.
    tags = "no_clickhouse,no_mssql,no_vertica,no_ydb,no_libsql,no_duckdb,no_spanner"

    def form(self, script):
        head = "-- +goose NO TRANSACTION\n" if script.alone else ""
        up, down = ("".join(marked("goose", text) for text in way) for way in (script.up, script.down))
        text = f"{head}-- +goose Up\n{up}\n-- +goose Down\n{down}"
        return {f"migrations/{script.number:05}_{script.name}.sql": text}

    def install(self, cache):
        package = "github.com/pressly/goose/v3/cmd/goose"
        self.program = cache.go(self.name, package, f"v{self.version}", self.tags) / "goose"

    def up(self, project, database):
        self._goose(project, database, "up")

    def down(self, project, database, count):
        for _ in range(count):
            self._goose(project, database, "down")

    def _goose(self, project, database, command):
        where = {
            "sqlite": lambda: ["sqlite3", database.path],
            "postgres": lambda: ["postgres", database.url],
            "mysql": lambda: ["mysql", go_dsn(database) + "?parseTime=true"],
        }[database.engine]()
        self.run([self.program, "-dir", "migrations", *where, command], project)


class GolangMigrate(Tool):
    """golang-migrate/migrate."""

    name = "golang-migrate"
    version = "4.20.1"
    registry = "Go"
    quick = True
    #: Its files alone look like Whimbrel's own.
    whimbrel_arguments = ("--layout", "golang-migrate")
    engines = ENGINES
    own_tables = ("schema_migrations",)
    runs_alone = True
    undoes = True

    def form(self, script):
        stem = f"migrations/{script.number:06}_{script.name}"
        return {f"{stem}.up.sql": script.up_text, f"{stem}.down.sql": script.down_text}

    def install(self, cache):
        package = "github.com/golang-migrate/migrate/v4/cmd/migrate"
        folder = cache.go(self.name, package, f"v{self.version}", "postgres,sqlite3,mysql")
        self.program = folder / "migrate"

    def up(self, project, database):
        self._migrate(project, database, "up")

    def down(self, project, database, count):
        self._migrate(project, database, "down", count)

    def _migrate(self, project, database, *command):
        url = {
            "sqlite": lambda: f"sqlite3://{database.path}",
            "postgres": lambda: f"{database.url}?sslmode=disable",
            # It has to be told that a file may hold more than one statement.
            "mysql": lambda: f"mysql://{go_dsn(database)}?multiStatements=true",
        }[database.engine]()
        self.run([self.program, "-path", "migrations", "-database", url, *command], project)


class Dbmate(Tool):
    """amacneil/dbmate."""

    name = "dbmate"
    version = "2.36.0"
    registry = "npm"
    quick = True
    engines = ENGINES
    own_tables = ("schema_migrations",)
    runs_alone = True
    undoes = True

    def form(self, script):
        how = " transaction:false" if script.alone else ""
        text = f"-- migrate:up{how}\n{script.up_text}\n-- migrate:down{how}\n{script.down_text}"
        return {f"migrations/{script.stamp}_{script.name}.sql": text}

    def install(self, cache):
        folder = cache.npm(self.name, {"dbmate": self.version})
        self.program = folder / "node_modules/.bin/dbmate"

    def up(self, project, database):
        self._dbmate(project, database, "up")

    def down(self, project, database, count):
        for _ in range(count):
            self._dbmate(project, database, "rollback")

    def _dbmate(self, project, database, command):
        url = f"{database.url}?sslmode=disable" if database.engine == "postgres" else database.url
        env = dict(os.environ, DATABASE_URL=url)
        self.run([self.program, "-d", "migrations", "--no-dump-schema", command], project, env)


class SqlMigrate(Tool):
    """rubenv/sql-migrate."""

    name = "sql-migrate"
    version = "1.8.1"
    registry = "Go"
    quick = True
    engines = ENGINES
    own_tables = ("gorp_migrations",)
    runs_alone = True
    undoes = True

    def form(self, script):
        how = " notransaction" if script.alone else ""
        up, down = ("".join(marked("migrate", text) for text in way) for way in (script.up, script.down))
        text = f"-- +migrate Up{how}\n{up}\n-- +migrate Down{how}\n{down}"
        return {f"migrations/{script.stamp}-{script.name}.sql": text}

    def install(self, cache):
        package = "github.com/rubenv/sql-migrate/sql-migrate"
        self.program = cache.go(self.name, package, f"v{self.version}", "") / "sql-migrate"

    def up(self, project, database):
        self._sql_migrate(project, database, "up")

    def down(self, project, database, count):
        self._sql_migrate(project, database, "down", f"-limit={count}")

    def _sql_migrate(self, project, database, *command):
        dialect, source = {
            "sqlite": lambda: ("sqlite3", str(database.path)),
            "postgres": lambda: ("postgres", f"{database.url}?sslmode=disable"),
            "mysql": lambda: ("mysql", go_dsn(database) + "?parseTime=true"),
        }[database.engine]()
        settings = {"dialect": dialect, "datasource": source, "dir": "migrations"}
        # JSON is YAML.
        (project / "dbconfig.yml").write_text(json.dumps({"development": settings}))
        self.run([self.program, *command], project)


def marked(tool, text):
    """A statement as goose and sql-migrate read it: between marks if it has a `;` inside."""
    if is_compound(text):
        return f"-- +{tool} StatementBegin\n{text}\n-- +{tool} StatementEnd\n"
    return f"{text}\n"


def go_dsn(database):
    """An address as Go's driver of MySQL has it."""
    server = database.server
    login = server.username or "root"
    if server.password:
        login += f":{server.password}"
    return f"{login}@tcp({server.hostname}:{server.port or 3306})/{database.name}"


TOOLS = [Goose, GolangMigrate, SqlMigrate, Dbmate]
