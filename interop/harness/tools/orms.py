"""drizzle and prisma from npm."""

import os

from ..install import NotInstallable
from ..tool import Tool, ToolFailed
from .node import BUILDERS, link


class Drizzle(Tool):
    """drizzle-kit's `migrate`."""

    name = "drizzle"
    version = BUILDERS["drizzle-kit"]
    registry = "npm"
    directory = "drizzle"
    own_tables = ("__drizzle_migrations",)
    own_schemas = ("drizzle",)

    def install(self, cache):
        self.modules = cache.npm("builders", BUILDERS) / "node_modules"

    def hide_later(self, project):
        """The journal decides, so the journal is what is cut; the first half is in the fixtures."""
        (project / "half_journal.json").replace(project / "drizzle/meta/_journal.json")

    def up(self, project, database):
        link(project, self.modules)
        env = dict(os.environ, DATABASE=str(getattr(database, "path", database.url)))
        self.run([self.modules / ".bin/drizzle-kit", "migrate"], project, env)


class Prisma(Tool):
    """`prisma migrate deploy`, whose engine is not in the npm package but comes from elsewhere."""

    name = "prisma"
    version = "6.19.0"
    registry = "npm"
    directory = "prisma/migrations"
    own_tables = ("_prisma_migrations",)
    later = ("prisma/migrations/*credit*", "prisma/migrations/*overdue*")

    def install(self, cache):
        folder = cache.npm(self.name, {"prisma": self.version})
        self.program = folder / "node_modules/.bin/prisma"
        try:
            self.run([self.program, "--version"], folder)
        except ToolFailed as failed:
            reason = str(failed).splitlines()[-1]
            raise NotInstallable(f"its engine is not in the package: {reason}") from failed

    def up(self, project, database):
        url = f"file:{database.path}" if database.engine == "sqlite" else database.url
        env = dict(os.environ, DATABASE_URL=url)
        self.run([self.program, "migrate", "deploy"], project, env)


TOOLS = [Drizzle, Prisma]
