"""alembic and yoyo from PyPI."""

import os

from ..tool import Tool

PSYCOPG = "psycopg2-binary==2.9.10"


class Alembic(Tool):
    """alembic, whose revisions run SQL files; Whimbrel reads those files."""

    name = "alembic"
    version = "1.20.1"
    registry = "PyPI"
    directory = "sql"
    own_tables = ("alembic_version",)
    later = ("sql/*credit*", "sql/*overdue*", "versions/*credit*", "versions/*overdue*")

    def install(self, cache):
        self.programs = cache.pip(self.name, [f"alembic=={self.version}", PSYCOPG])

    def up(self, project, database):
        sqlite = database.engine == "sqlite"
        url = f"sqlite:///{database.path}" if sqlite else database.url.replace("postgres:", "postgresql+psycopg2:", 1)
        env = dict(os.environ, DATABASE=url, PYTHONDONTWRITEBYTECODE="1")
        self.run([self.programs / "alembic", "upgrade", "head"], project, env)


class Yoyo(Tool):
    """yoyo with SQL files."""

    name = "yoyo"
    version = "9.0.0"
    registry = "PyPI"
    own_tables = ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock")
    later = ("migrations/*credit*", "migrations/*overdue*")
    #: Its `-- depends:` lines name whole files.
    whimbrel_arguments = ("--layout", "by-name")

    def install(self, cache):
        # It still imports pkg_resources, which newer versions of setuptools lack.
        packages = [f"yoyo-migrations=={self.version}", PSYCOPG, "setuptools<81"]
        self.programs = cache.pip(self.name, packages)

    def up(self, project, database):
        sqlite = database.engine == "sqlite"
        url = f"sqlite:///{database.path}" if sqlite else database.url.replace("postgres:", "postgresql:", 1)
        self.run([self.programs / "yoyo", "apply", "--batch", "--no-config-file", "--database", url, "migrations"], project)


TOOLS = [Alembic, Yoyo]
