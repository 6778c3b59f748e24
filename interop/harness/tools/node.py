"""node-pg-migrate, graphile-migrate, knex, kysely and wrangler from npm."""

import hashlib
import os

from ..tool import Tool

#: What runs by a connection of Node's is installed together.
BUILDERS = {
    "knex": "3.3.0",
    "kysely": "0.29.9",
    "drizzle-kit": "0.31.11",
    "drizzle-orm": "0.45.4",
    "pg": "8.23.1",
    "mysql2": "3.24.5",
}
#: The driver of SQLite comes from elsewhere or is compiled. Later versions want a later Node.
COMPILED = {"better-sqlite3": "11.10.0"}


def builders(cache):
    """The folder of all these packages."""
    if cache.quick:
        return cache.npm("builders-quick", BUILDERS) / "node_modules"
    return cache.npm("builders", {**BUILDERS, **COMPILED}) / "node_modules"


class NodePgMigrate(Tool):
    """salsita/node-pg-migrate with SQL files."""

    name = "node-pg-migrate"
    version = "9.0.0"
    registry = "npm"
    quick = True
    engines = ("postgres",)
    own_tables = ("pgmigrations",)
    undoes = True

    def form(self, script):
        text = f"-- Up Migration\n{script.up_text}\n-- Down Migration\n{script.down_text}"
        return {f"migrations/{1704000000000 + script.number}_{script.name}.sql": text}

    def install(self, cache):
        folder = cache.npm(self.name, {self.name: self.version, "pg": BUILDERS["pg"]})
        self.program = folder / "node_modules/.bin/node-pg-migrate"

    def up(self, project, database):
        self._migrate(project, database, "up")

    def down(self, project, database, count):
        self._migrate(project, database, "down", count)

    def _migrate(self, project, database, *command):
        env = dict(os.environ, DATABASE_URL=database.url)
        self.run([self.program, *command, "-m", "migrations"], project, env)


class GraphileMigrate(Tool):
    """graphile-migrate: the committed migrations."""

    name = "graphile-migrate"
    version = "1.4.1"
    registry = "npm"
    keeps_checksums = True
    quick = True
    engines = ("postgres",)
    directory = "migrations/committed"
    own_schemas = ("graphile_migrate",)
    runs_alone = True

    def files(self, _engine, scripts):
        files, previous = {}, None
        for script in scripts:
            body = ("--! no-transaction\n" if script.alone else "") + script.up_text
            chained = f"{previous or ''}\n{body.strip()}".strip() + "\n"
            digest = "sha1:" + hashlib.sha1(chained.encode()).hexdigest()
            head = f"--! Previous: {previous or '-'}\n--! Hash: {digest}\n"
            # One of them has a message, which is part of its name.
            message = script.name if script.alone else ""
            head += f"--! Message: {message}\n" if message else ""
            name = "-".join(part for part in (f"{script.number:06}", message) if part)
            files[f"migrations/committed/{name}.sql"] = f"{head}\n{body}"
            previous = digest
        return files

    def install(self, cache):
        folder = cache.npm(self.name, {self.name: self.version})
        self.program = folder / "node_modules/.bin/graphile-migrate"

    def up(self, project, database):
        env = dict(os.environ, DATABASE_URL=database.url)
        self.run([self.program, "migrate"], project, env)


class Builder(Tool):
    """A query builder, whose modules run SQL files of their own names; Whimbrel reads those files."""

    registry = "npm"
    quick = True
    slow_engines = ("sqlite",)
    modes = ("IGNORE_SPACE",)
    has_layout = False
    directory = "sql"
    engines = ("postgres", "sqlite", "mysql")
    #: A module's text and its ending.
    module = ("", "")
    #: What runs the migrations: a program of the packages, or Node itself, and its arguments.
    command = ()

    def form(self, script):
        text, ending = self.module
        name = f"{script.stamp}_{script.name}"
        return {f"sql/{name}.sql": spaced(script), f"migrations/{name}{ending}": text}

    def install(self, cache):
        self.modules = builders(cache)

    def up(self, project, database):
        link(project, self.modules)
        own = self.modules / ".bin" / self.command[0]
        program = own if own.exists() else self.command[0]
        self.run([program, *self.command[1:]], project, environment(database))


class Knex(Builder):
    """knex."""

    name = "knex"
    version = BUILDERS["knex"]
    own_tables = ("knex_migrations", "knex_migrations_lock")
    module = ("exports.up = require('../run')(__filename);\nexports.down = async () => {};\n", ".js")
    command = ("knex", "migrate:latest")


class Kysely(Builder):
    """kysely's Migrator."""

    name = "kysely"
    version = BUILDERS["kysely"]
    own_tables = ("kysely_migration", "kysely_migration_lock")
    module = ("import { runs } from '../run.mjs';\n\nexport const up = runs(import.meta.url);\n", ".mjs")
    command = ("node", "migrate.mjs")


class Wrangler(Tool):
    """wrangler's migrations of a local D1."""

    name = "wrangler"
    version = "4.86.0"
    registry = "npm"
    quick = True
    engines = ("d1",)
    own_tables = ("d1_migrations",)

    def form(self, script):
        return {f"migrations/{script.number:04}_{script.name}.sql": script.up_text}

    def install(self, cache):
        folder = cache.npm(self.name, {self.name: self.version})
        self.program = folder / "node_modules/.bin/wrangler"

    def prepare(self, project, database):
        self._d1(project, "execute", "library", "--local", "--command", "SELECT 1")

    def up(self, project, database):
        self._d1(project, "migrations", "apply", "library", "--local")

    def _d1(self, project, *arguments):
        env = dict(os.environ, CI="1", WRANGLER_SEND_METRICS="false")
        self.run([self.program, "d1", *arguments], project, env)


def spaced(script):
    """A file whose statements have an empty line between them, where the project's own code cuts it."""
    return "\n\n".join(script.up) + "\n"


def environment(database):
    """What the settings of these projects read."""
    return dict(os.environ, ENGINE=database.engine, DATABASE=str(getattr(database, "path", database.url)))


def link(project, modules):
    """Node looks for packages beside the project's files."""
    link_path = project / "node_modules"
    if not link_path.exists():
        link_path.symlink_to(modules)


TOOLS = [NodePgMigrate, GraphileMigrate, Knex, Kysely, Wrangler]
