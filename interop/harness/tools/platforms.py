"""supabase from npm, rails and laravel from Debian: migrations of whole platforms."""

import os

from ..tool import Tool
from .node import spaced


class Supabase(Tool):
    """The Supabase CLI's `migration up`; any PostgreSQL will do for it."""

    name = "supabase"
    version = "3.1.0"
    registry = "npm"
    quick = True
    engines = ("postgres",)
    directory = "supabase/migrations"
    own_schemas = ("supabase_migrations",)
    runs_alone = True

    def form(self, script):
        return {f"supabase/migrations/{script.stamp}_{script.name}.sql": script.up_text}

    def install(self, cache):
        self.program = cache.npm(self.name, {self.name: self.version}) / "node_modules/.bin/supabase"

    def up(self, project, database):
        env = dict(os.environ, SUPABASE_TELEMETRY_DISABLED="1", DO_NOT_TRACK="1")
        url = f"{database.url}?sslmode=disable"
        self.run([self.program, "migration", "up", "--yes", "--db-url", url], project, env)


class Rails(Tool):
    """Active Record's migrations, whose Ruby runs SQL files; Whimbrel reads those files."""

    name = "rails"
    version = "system's"
    registry = "Debian"
    modes = ("NO_AUTO_VALUE_ON_ZERO", "STRICT_ALL_TABLES")
    has_layout = False
    engines = ("postgres", "sqlite", "mysql")
    directory = "sql"
    own_tables = ("schema_migrations", "ar_internal_metadata")
    runs_alone = True

    def form(self, script):
        name = f"{script.stamp}_{script.name}"
        kind = script.name.title()
        lines = [f"class {kind} < ActiveRecord::Migration[6.1]"]
        lines += ["  disable_ddl_transaction!"] if script.alone else []
        lines += ["  def up", f"    Statements.run(self, '{name}')", "  end", "end"]
        return {f"sql/{name}.sql": spaced(script), f"db/migrate/{name}.rb": "\n".join(lines) + "\n"}

    def install(self, _cache):
        try_it = "require 'active_record'; require 'pg'; require 'sqlite3'; require 'mysql2'; puts ActiveRecord.version"
        self.version = self.needs(["ruby", "-e", try_it], RUBY)

    def up(self, project, database):
        env = dict(os.environ, DATABASE_URL=ruby_url(database), RAILS_ENV="production")
        self.run(["ruby", "migrate.rb"], project, env)


class RailsStructure(Rails):
    """`structure.sql`, as Active Record dumps and loads it: Whimbrel begins an empty database from it."""

    name = "rails (structure.sql)"
    fixtures = "rails"
    directory = "db"
    takes_over = False
    structure = ""

    def up(self, project, database):
        scratch = type(database)(project)
        try:
            super().up(project, scratch)
            self.task("dump", project, scratch)
        finally:
            scratch.drop()
        self.structure = (project / "db/structure.sql").read_text()
        self.task("load", project, database)

    def prepare(self, project, _database):
        (project / "db/structure.sql").write_text(self.structure)

    def task(self, task, project, database):
        """Runs one of Active Record's tasks, which call the servers' own programs."""
        env = dict(os.environ, DATABASE_URL=ruby_url(database), RAILS_ENV="production")
        self.run(["ruby", "structure.rb", task], project, env)


class RailsApplication(Rails):
    """A Rails application that dumps `structure.sql` itself: taken over, converted, gone on with in new SQL files."""

    name = "rails (application)"
    fixtures = "rails-application"
    directory = "db"
    #: structure.sql has no rows; what it makes is compared above.
    begins = False

    def lay_out(self, project, engine, scripts):
        self.directory = "db"
        super().lay_out(project, engine, scripts)

    def install(self, cache):
        super().install(cache)
        self.version = self.needs(["ruby", "-e", "require 'rails'; puts Rails.version"], f"{RUBY} ruby-railties")

    def up(self, project, database):
        env = dict(os.environ, DATABASE_URL=ruby_url(database), RAILS_ENV="production")
        self.run(["rake", "db:migrate"], project, env)

    def next_half(self, _project, _engine, _scripts):
        """No more Ruby is written."""

    def taken_over(self, whimbrel, rest):
        yield whimbrel.run("import", "--convert", "--to", "migrations")
        self.directory = "migrations"
        for script in rest:
            path = whimbrel.project / f"migrations/{script.stamp}_{script.name}.sql"
            path.write_text(script.up_text)
        yield whimbrel.run("import")


class Laravel(Tool):
    """Laravel's migrator, whose PHP runs SQL files; Whimbrel reads those files."""

    name = "laravel"
    version = "system's"
    registry = "Debian"
    has_layout = False
    engines = ("postgres", "sqlite", "mysql")
    directory = "sql"
    own_tables = ("migrations",)

    def form(self, script):
        name = f"2024_01_0{script.number}_090000_{script.name}"
        module = f"<?php\n\nreturn runs('{name}');\n"
        return {f"sql/{name}.sql": spaced(script), f"migrations/{name}.php": module}

    def install(self, _cache):
        try_it = "require 'Illuminate/Database/autoload.php'; require 'Illuminate/Filesystem/autoload.php';"
        try_it += " foreach (['pgsql', 'sqlite', 'mysql'] as $one) new ReflectionExtension(\"pdo_$one\");"
        self.needs(["php", "-r", try_it], PHP)
        asked = ["dpkg-query", "-W", "-f", "${Version}", "php-illuminate-database"]
        self.version = self.needs(asked, PHP).split("+")[0]

    def up(self, project, database):
        env = dict(os.environ, ENGINE=database.engine, DATABASE=str(getattr(database, "path", database.url)))
        self.run(["php", "migrate.php"], project, env)


RUBY = "ruby-activerecord ruby-pg ruby-sqlite3 ruby-mysql2"
PHP = "php-cli php-illuminate-database php-illuminate-events php-illuminate-filesystem php-pgsql php-sqlite3 php-mysql"


def ruby_url(database):
    """The address as Active Record has it."""
    if database.engine == "sqlite":
        return f"sqlite3:{database.path}"
    return database.url.replace("mysql:", "mysql2:", 1).replace("postgres:", "postgresql:", 1)


TOOLS = [Supabase, Rails, RailsStructure, RailsApplication, Laravel]
