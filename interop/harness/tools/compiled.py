"""sqlx-cli, diesel_cli and refinery_cli, which are compiled from crates.io."""

import os

from ..tool import Tool

ENGINES = ("postgres", "sqlite", "mysql")


class Sqlx(Tool):
    """sqlx-cli with reversible migrations."""

    name = "sqlx"
    version = "0.9.0"
    registry = "crates.io"
    keeps_checksums = True
    #: Its files alone look like Whimbrel's own.
    whimbrel_arguments = ("--layout", "sqlx")
    own_tables = ("_sqlx_migrations",)
    runs_alone = True
    undoes = True
    engines = ENGINES

    def form(self, script):
        stem = f"migrations/{script.stamp}_{script.name}"
        head = "-- no-transaction\n" if script.alone else ""
        return {f"{stem}.up.sql": head + script.up_text, f"{stem}.down.sql": head + script.down_text}

    def install(self, cache):
        features = ["--no-default-features", "--features", "postgres,sqlite,mysql"]
        self.program = cache.cargo(self.name, "sqlx-cli", self.version, features) / "sqlx"

    def up(self, project, database):
        self._migrate(project, database, "run")

    def down(self, project, database, count):
        for _ in range(count):
            self._migrate(project, database, "revert")

    def _migrate(self, project, database, command):
        env = dict(os.environ, DATABASE_URL=database.url)
        self.run([self.program, "migrate", command, "--source", "migrations"], project, env)


class Diesel(Tool):
    """diesel_cli."""

    name = "diesel"
    version = "2.3.14"
    registry = "crates.io"
    own_tables = ("__diesel_schema_migrations",)
    runs_alone = True
    undoes = True
    engines = ENGINES

    def form(self, script):
        folder = f"migrations/2024-01-0{script.number}-090000_{script.name}"
        files = {f"{folder}/up.sql": script.up_text, f"{folder}/down.sql": script.down_text}
        if script.alone:
            files[f"{folder}/metadata.toml"] = "run_in_transaction = false\n"
        return files

    def install(self, cache):
        self.needs(["pkg-config", "--exists", "libpq", "libmariadb"], "libpq-dev libmariadb-dev pkg-config")
        features = ["--no-default-features", "--features", "postgres,sqlite-bundled,mysql"]
        self.program = cache.cargo(self.name, "diesel_cli", self.version, features) / "diesel"

    def up(self, project, database):
        self._migration(project, database, "run")

    def down(self, project, database, count):
        self._migration(project, database, "revert", "--number", count)

    def _migration(self, project, database, *arguments):
        url = str(getattr(database, "path", database.url))
        (project / "diesel.toml").write_text("")
        command = [self.program, "migration", *arguments, "--migration-dir", "migrations"]
        self.run(command, project, dict(os.environ, DATABASE_URL=url))


class Refinery(Tool):
    """refinery_cli."""

    name = "refinery"
    version = "0.10.0"
    registry = "crates.io"
    keeps_checksums = True
    own_tables = ("refinery_schema_history",)
    engines = ENGINES
    #: Its files alone look like Flyway's.
    whimbrel_arguments = ("--layout", "refinery")

    def form(self, script):
        return {f"migrations/V{script.number}__{script.name}.sql": script.up_text}

    def install(self, cache):
        features = ["--no-default-features", "--features", "postgresql,sqlite-bundled,mysql"]
        self.program = cache.cargo(self.name, "refinery_cli", self.version, features) / "refinery"

    def up(self, project, database):
        # It takes no more than the driver's URL from the environment.
        url = f"sqlite://{database.path}" if database.engine == "sqlite" else database.url
        env = dict(os.environ, DATABASE_URL=url)
        self.run([self.program, "migrate", "-e", "DATABASE_URL", "-p", "migrations"], project, env)


TOOLS = [Sqlx, Diesel, Refinery]
