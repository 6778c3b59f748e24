"""alembic and yoyo from PyPI."""

import os

from ..tool import Tool

DRIVERS = ["psycopg2-binary==2.9.10", "PyMySQL==1.1.1"]
ENGINES = ("postgres", "sqlite", "mysql")


class Alembic(Tool):
    """alembic, whose revisions run SQL files; Whimbrel reads those files."""

    name = "alembic"
    version = "1.20.1"
    registry = "PyPI"
    quick = True
    has_layout = False
    engines = ENGINES
    directory = "sql"
    own_tables = ("alembic_version",)

    #: Its revisions have no numbers; Whimbrel's files say which comes first.
    REVISIONS = (None, "5f1c2a9b7d01", "8e40b6d3c212", "b2917ac4e503", "d7c5e81f0934")

    def form(self, script):
        revision, before = self.REVISIONS[script.number], self.REVISIONS[script.number - 1]
        sql = f"sql/{script.number:04}_{revision}_{script.name}.sql"
        module = f'"""Add {script.name}."""\n\nfrom statements import runs\n\nrevision = "{revision}"\n'
        module += f'down_revision = {before!r}\nupgrade = runs("{sql}")\n'
        return {sql: "\n\n".join(script.up) + "\n", f"versions/{revision}_{script.name}.py": module}

    def install(self, cache):
        self.programs = cache.pip(self.name, [f"alembic=={self.version}", *DRIVERS])

    def up(self, project, database):
        url = sqlalchemy(database, {"postgres": "postgresql+psycopg2", "mysql": "mysql+pymysql"})
        env = dict(os.environ, DATABASE=url, PYTHONDONTWRITEBYTECODE="1")
        self.run([self.programs / "alembic", "upgrade", "head"], project, env)


class Yoyo(Tool):
    """yoyo with SQL files."""

    name = "yoyo"
    version = "9.0.0"
    registry = "PyPI"
    quick = True
    has_layout = False
    engines = ENGINES
    undoes = True
    own_tables = ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock")
    #: Its `-- depends:` lines name whole files.
    whimbrel_arguments = ("--layout", "by-name")

    def files(self, _engine, scripts):
        files, before = {}, ""
        for script in scripts:
            stem = f"{script.number:04}.{script.name}"
            files[f"migrations/{stem}.sql"] = f"-- Add {script.name}\n{before}\n{script.up_text}"
            files[f"migrations/{stem}.rollback.sql"] = script.down_text
            before = f"-- depends: {stem}\n"
        return files

    def install(self, cache):
        # It still imports pkg_resources, which newer versions of setuptools lack.
        packages = [f"yoyo-migrations=={self.version}", *DRIVERS, "setuptools<81"]
        self.programs = cache.pip(self.name, packages)

    def up(self, project, database):
        self._yoyo(project, database, "apply")

    def down(self, project, database, count):
        # It goes back over this one and all after it.
        script = self.scripts(database.engine)[-count]
        self._yoyo(project, database, "rollback", "--revision", f"{script.number:04}.{script.name}")

    def _yoyo(self, project, database, *command):
        url = sqlalchemy(database, {"postgres": "postgresql", "mysql": "mysql"})
        told = ["--batch", "--no-config-file", "--database", url, "migrations"]
        self.run([self.programs / "yoyo", *command, *told], project)


def sqlalchemy(database, schemes):
    """The URL as both of them have it."""
    if database.engine == "sqlite":
        return f"sqlite:///{database.path}"
    return database.url.replace(database.engine, schemes[database.engine], 1)


TOOLS = [Alembic, Yoyo]
