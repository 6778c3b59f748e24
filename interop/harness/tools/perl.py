"""sqitch from Debian."""

from ..library import FIRST_HALF
from ..tool import Tool


class Sqitch(Tool):
    """Sqitch as it is installed by the system's package manager, which needs its administrator."""

    name = "sqitch"
    version = "system's"
    registry = "Debian"
    #: On SQLite its registry is another file, which can't be read from the database.
    engines = ("postgres",)
    directory = "."
    own_schemas = ("sqitch",)
    runs_alone = True

    def form(self, script):
        return {
            f"{way}/{script.name}.sql": f"-- {way.title()} {script.name}\n\n{wrapped(text, script)}"
            for way, text in (("deploy", script.up_text), ("revert", script.down_text))
        }

    def files(self, engine, scripts):
        lines, before = ["%syntax-version=1.0.0", "%project=library", ""], ""
        for script in scripts:
            who = f"2024-01-0{script.number}T09:00:00Z Ada <ada@example.org>"
            lines.append(f"{script.name} {before}{who} # Add {script.name}")
            before = f"[{script.name}] "
            if script.number == FIRST_HALF:
                lines += [f"@v1 {who.replace('T09', 'T10')} # The first release", ""]
        return {**super().files(engine, scripts), "sqitch.plan": "\n".join(lines) + "\n"}

    def install(self, _cache):
        said = self.needs(["sqitch", "--version"], "sqitch libdbd-pg-perl")
        self.version = said.split()[2].removeprefix("v")

    def up(self, project, database):
        target = f"db:{database.url.replace('postgres:', 'pg:', 1)}"
        self.run(["sqitch", "deploy", "--target", target], project)


def wrapped(text, script):
    """A script in a transaction, if it can be in one."""
    return text if script.alone else f"BEGIN;\n\n{text}\nCOMMIT;\n"


TOOLS = [Sqitch]
