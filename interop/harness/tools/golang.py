"""goose and golang-migrate, as Go modules; dbmate, whose program npm delivers."""

import os

from ..tool import Tool

HALF = ("migrations/*credit*", "migrations/*overdue*")


class Goose(Tool):
    """pressly/goose."""

    name = "goose"
    version = "3.29.0"
    registry = "Go"
    own_tables = ("goose_db_version",)
    later = HALF
    #: Drivers that are not tried here and would only be compiled.
    tags = "no_clickhouse,no_mssql,no_vertica,no_ydb,no_libsql,no_duckdb,no_mysql,no_spanner"

    def install(self, cache):
        package = "github.com/pressly/goose/v3/cmd/goose"
        self.program = cache.go(self.name, package, f"v{self.version}", self.tags) / "goose"

    def up(self, project, database):
        sqlite = database.engine == "sqlite"
        where = ["sqlite3", database.path] if sqlite else ["postgres", database.url]
        self.run([self.program, "-dir", "migrations", *where, "up"], project)


class GolangMigrate(Tool):
    """golang-migrate/migrate."""

    name = "golang-migrate"
    version = "4.20.1"
    registry = "Go"
    own_tables = ("schema_migrations",)
    later = HALF

    def install(self, cache):
        package = "github.com/golang-migrate/migrate/v4/cmd/migrate"
        folder = cache.go(self.name, package, f"v{self.version}", "postgres,sqlite3")
        self.program = folder / "migrate"

    def up(self, project, database):
        sqlite = database.engine == "sqlite"
        url = f"sqlite3://{database.path}" if sqlite else f"{database.url}?sslmode=disable"
        self.run([self.program, "-path", "migrations", "-database", url, "up"], project)


class Dbmate(Tool):
    """amacneil/dbmate."""

    name = "dbmate"
    version = "2.36.0"
    registry = "npm"
    own_tables = ("schema_migrations",)
    later = HALF

    def install(self, cache):
        folder = cache.npm(self.name, {"dbmate": self.version})
        self.program = folder / "node_modules/.bin/dbmate"

    def up(self, project, database):
        sqlite = database.engine == "sqlite"
        url = f"sqlite:{database.path}" if sqlite else f"{database.url}?sslmode=disable"
        env = dict(os.environ, DATABASE_URL=url)
        self.run([self.program, "-d", "migrations", "--no-dump-schema", "up"], project, env)


TOOLS = [Goose, GolangMigrate, Dbmate]
