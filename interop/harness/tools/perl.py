"""sqitch from Debian."""

import shutil

from ..install import NotInstallable
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

    def install(self, _cache):
        if shutil.which("sqitch") is None:
            raise NotInstallable("`apt-get install --no-install-recommends sqitch libdbd-pg-perl` first")
        self.version = self.run(["sqitch", "--version"], "/").split()[2].removeprefix("v")

    def hide_later(self, project):
        """The plan decides."""
        plan = project / "sqitch.plan"
        first, _second = plan.read_text().split("\ncredit ")
        plan.write_text(first + "\n")

    def up(self, project, database):
        target = f"db:{database.url.replace('postgres:', 'pg:', 1)}"
        self.run(["sqitch", "deploy", "--target", target], project)


TOOLS = [Sqitch]
