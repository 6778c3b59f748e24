"""sqitch from Debian."""

from ..library import FIRST_HALF, is_compound
from ..tool import Tool


ENGINES = {"postgres": "pg", "sqlite": "sqlite", "mysql": "mysql"}
PACKAGES = "sqitch libdbd-pg-perl libdbd-sqlite3-perl libdbd-mysql-perl sqlite3"


class Sqitch(Tool):
    """Sqitch as it is installed by the system's package manager, which needs its administrator."""

    name = "sqitch"
    version = "system's"
    registry = "Debian"
    quick = True
    keeps_checksums = True
    engines = ("postgres", "sqlite", "mysql")
    directory = "."
    own_schemas = ("sqitch",)
    runs_alone = True
    undoes = True

    def files(self, engine, scripts):
        lines, before = ["%syntax-version=1.0.0", "%project=library", ""], ""
        for script in scripts:
            who = f"2024-01-0{script.number}T09:00:00Z Ada <ada@example.org>"
            lines.append(f"{script.name} {before}{who} # Add {script.name}")
            before = f"[{script.name}] "
            if script.number == FIRST_HALF:
                lines += [f"@v1 {who.replace('T09', 'T10')} # The first release", ""]
        files = {"sqitch.plan": "\n".join(lines) + "\n", "sqitch.conf": f"[core]\n\tengine = {ENGINES[engine]}\n[deploy]\n\tverify = true\n"}
        for script in scripts:
            for way, statements in (("deploy", script.up), ("revert", script.down)):
                text = "\n".join(delimited(one) if engine == "mysql" else one for one in statements) + "\n"
                text = f"-- {way.title()} {script.name}\n\n{wrapped(text, script)}"
                files[f"{way}/{script.name}.sql"] = text
            # Both run it; the row that it writes is taken back.
            tries = "INSERT INTO members (id, email, name) VALUES (99, 'x@example.org', 'X');\nSELECT email FROM members;\n"
            files[f"verify/{script.name}.sql"] = f"BEGIN;\n\n{tries}\nROLLBACK;\n"
        return files

    def install(self, _cache):
        said = self.needs(["sqitch", "--version"], PACKAGES)
        self.version = said.split()[2].removeprefix("v")
        for driver in ("Pg", "SQLite", "mysql"):
            self.needs(["perl", f"-MDBD::{driver}", "-e", "1"], PACKAGES)

    def up(self, project, database):
        self._sqitch(project, database, "deploy")

    def down(self, project, database, count):
        stays = self.scripts(database.engine)[-count - 1]
        self._sqitch(project, database, "revert", "-y", "--to-change", stays.name)

    def _sqitch(self, project, database, *command):
        where = f"sqlite:{database.path}" if database.engine == "sqlite" else database.url
        target = f"db:{where.replace('postgres:', 'pg:', 1)}"
        registry = ["--registry", self.registry_of(database)] if database.engine == "mysql" else []
        self.run(["sqitch", *command, "--target", target, *registry], project)

    @staticmethod
    def registry_of(database):
        """On MySQL its registry is a database of the server; each trial has its own."""
        return f"{database.name}_sqitch"

    def drop(self, database):
        if database.engine == "mysql":
            database.admin(f"DROP DATABASE IF EXISTS {self.registry_of(database)}")

    def is_seen(self, engine):
        return engine == "postgres"

    def import_arguments(self, database):
        if database.engine != "mysql":
            return ()
        return ("--from", "sqitch", "--history-table", f"{self.registry_of(database)}.changes")

    def baseline(self, engine, scripts):
        """On SQLite its registry is another file, which can't be read from the database."""
        return scripts[-1].name if engine == "sqlite" else None


def delimited(statement):
    """A statement as MySQL's client needs it, which runs the scripts."""
    return f"DELIMITER //\n{statement.removesuffix(';')}//\nDELIMITER ;" if is_compound(statement) else statement


def wrapped(text, script):
    """A script in a transaction, if it can be in one."""
    return text if script.alone else f"BEGIN;\n\n{text}\nCOMMIT;\n"


TOOLS = [Sqitch]
