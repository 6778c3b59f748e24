"""drizzle and prisma from npm."""

import json

from ..tool import Tool
from .node import BUILDERS, builders, environment, link

#: What drizzle calls an engine, and the version of its journal's entries.
DIALECTS = {"postgres": ("postgresql", "7"), "sqlite": ("sqlite", "6"), "mysql": ("mysql", "5")}


class Drizzle(Tool):
    """drizzle-kit's `migrate`."""

    name = "drizzle"
    version = BUILDERS["drizzle-kit"]
    registry = "npm"
    quick = True
    slow_engines = ("sqlite",)
    keeps_checksums = True
    directory = "drizzle"
    engines = ("postgres", "sqlite", "mysql")
    own_tables = ("__drizzle_migrations",)
    own_schemas = ("drizzle",)

    def files(self, engine, scripts):
        """The journal decides what there is."""
        dialect, version = DIALECTS[engine]
        files, entries = {}, []
        for index, script in enumerate(scripts):
            tag = f"{index:04}_{script.name}"
            files[f"drizzle/{tag}.sql"] = "\n--> statement-breakpoint\n".join(script.up) + "\n"
            when = 1704099600000 + 86400000 * index
            entries.append({"idx": index, "version": version, "when": when, "tag": tag, "breakpoints": True})
        journal = {"version": "7", "dialect": dialect, "entries": entries}
        files["drizzle/meta/_journal.json"] = json.dumps(journal, indent=2) + "\n"
        return files

    def install(self, cache):
        self.modules = builders(cache)

    def up(self, project, database):
        link(project, self.modules)
        self.run([self.modules / ".bin/drizzle-kit", "migrate"], project, environment(database))


class Prisma(Tool):
    """`prisma migrate deploy` with the engine that is in the package.

    Its native engines come from a server of their own. With `engine: "js"` and a driver adapter in
    `prisma.config.ts` (version 6 alone) the schema engine is the WebAssembly in the npm package.
    """

    name = "prisma"
    version = "6.19.3"
    registry = "npm"
    keeps_checksums = True
    quick = True
    #: In the MariaDB adapter `executeScript` is "Not implemented yet", and the engine itself panics.
    impossible = {"mysql": "its WebAssembly engine panics, and the adapter can't run scripts"}
    directory = "prisma/migrations"
    own_tables = ("_prisma_migrations",)
    runs_alone = True

    PROVIDERS = {"postgres": "postgresql", "sqlite": "sqlite"}
    #: Those of its own version do not know PostgreSQL's type `name`.
    ADAPTERS = "7.10.0"

    def form(self, script):
        return {f"prisma/migrations/{script.stamp}_{script.name}/migration.sql": script.up_text}

    def files(self, engine, scripts):
        provider = f'provider = "{self.PROVIDERS[engine]}"\n'
        files = super().files(engine, scripts)
        files["prisma/migrations/migration_lock.toml"] = provider
        files["prisma/schema.prisma"] = f'datasource db {{\n  {provider}  url = env("DATABASE_URL")\n}}\n'
        return files

    def install(self, cache):
        adapters = ("@prisma/adapter-pg", "@prisma/adapter-libsql")
        packages = {"prisma": self.version, **dict.fromkeys(adapters, self.ADAPTERS)}
        self.modules = cache.npm(self.name, packages) / "node_modules"

    def up(self, project, database):
        link(project, self.modules)
        env = environment(database)
        env["DATABASE_URL"] = f"file:{database.path}" if database.engine == "sqlite" else database.url
        # The program fetches the engine of queries before any command, unless it is told of a file. It is never
        # opened: nothing is queried here.
        env["PRISMA_QUERY_ENGINE_LIBRARY"] = str(project / "prisma/schema.prisma")
        self.run([self.modules / ".bin/prisma", "migrate", "deploy"], project, env)


TOOLS = [Drizzle, Prisma]
