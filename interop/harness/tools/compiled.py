"""sqlx-cli, diesel_cli and refinery_cli, which are compiled from crates.io."""

import os

from ..tool import Tool

HALF = ("migrations/*credit*", "migrations/*overdue*", "migrations/*speed*")


class Sqlx(Tool):
    """sqlx-cli with reversible migrations."""

    name = "sqlx"
    version = "0.8.6"
    registry = "crates.io"
    slow = True
    own_tables = ("_sqlx_migrations",)
    later = HALF

    def install(self, cache):
        features = ["--no-default-features", "--features", "rustls,postgres,sqlite"]
        self.program = cache.cargo(self.name, "sqlx-cli", self.version, features) / "sqlx"

    def up(self, project, database):
        env = dict(os.environ, DATABASE_URL=database.url)
        self.run([self.program, "migrate", "run", "--source", "migrations"], project, env)


class Diesel(Tool):
    """diesel_cli."""

    name = "diesel"
    version = "2.2.12"
    registry = "crates.io"
    slow = True
    own_tables = ("__diesel_schema_migrations",)
    later = HALF

    def install(self, cache):
        features = ["--no-default-features", "--features", "postgres,sqlite-bundled"]
        self.program = cache.cargo(self.name, "diesel_cli", self.version, features) / "diesel"

    def up(self, project, database):
        url = str(getattr(database, "path", database.url))
        (project / "diesel.toml").write_text("")
        command = [self.program, "migration", "run", "--migration-dir", "migrations"]
        self.run(command, project, dict(os.environ, DATABASE_URL=url))


class Refinery(Tool):
    """refinery_cli."""

    name = "refinery"
    version = "0.8.16"
    registry = "crates.io"
    slow = True
    own_tables = ("refinery_schema_history",)
    later = HALF
    #: Its files alone look like Flyway's.
    whimbrel_arguments = ("--layout", "refinery")

    def install(self, cache):
        features = ["--no-default-features", "--features", "postgresql,sqlite-bundled"]
        self.program = cache.cargo(self.name, "refinery_cli", self.version, features) / "refinery"

    def up(self, project, database):
        # It takes no more than the driver's URL from the environment.
        url = f"sqlite://{database.path}" if database.engine == "sqlite" else database.url
        env = dict(os.environ, DATABASE_URL=url)
        self.run([self.program, "migrate", "-e", "DATABASE_URL", "-p", "migrations"], project, env)


TOOLS = [Sqlx, Diesel, Refinery]
