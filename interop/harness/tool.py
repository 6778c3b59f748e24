"""What every tool's module says about its tool."""

import subprocess
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


class ToolFailed(Exception):
    """The original tool ended with an error."""


class Tool:
    """A migration tool as this harness drives it; one subclass for each."""

    #: The name of its fixtures' folder, and of its row in the table.
    name = ""
    #: The version that is installed.
    version = ""
    #: Where it comes from: npm, PyPI, Go, Maven, Debian, crates.io.
    registry = ""
    #: Whether it has to be compiled for minutes.
    slow = False
    #: The engines that it is tried on.
    engines = ("postgres", "sqlite")
    #: The folder of the migrations in the project.
    directory = "migrations"
    #: What the tool keeps for itself in the database, left out of the comparison.
    own_tables = ()
    own_schemas = ()
    #: Files of the second half, as patterns below the project.
    later = ()
    #: What Whimbrel is told besides the URL and the folder.
    whimbrel_arguments = ()
    #: The version to give to `baseline`, where `import` does not know the tool's history.
    baseline = None

    def install(self, cache):
        """Installs the tool."""
        raise NotImplementedError

    def up(self, project, database):
        """Applies everything in the project with the original tool."""
        raise NotImplementedError

    def fixtures(self, engine):
        """The files for an engine: its own, or those for all."""
        own = FIXTURES / self.name / engine
        return own if own.is_dir() else FIXTURES / self.name / "any"

    def prepare(self, project, database):
        """What has to be there before Whimbrel comes to an empty database."""

    def hide_later(self, project):
        """Takes the second half away from the project."""
        for pattern in self.later:
            for path in sorted(project.glob(pattern), reverse=True):
                remove(path)

    def run(self, command, project, env=None):
        """Runs the tool's program."""
        command = [str(part) for part in command]
        try:
            done = subprocess.run(
                command, cwd=project, env=env, capture_output=True, text=True, check=False,
                timeout=120, stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as late:
            raise ToolFailed(f"{Path(command[0]).name}: no end after {late.timeout} s") from late
        if done.returncode != 0:
            raise ToolFailed(f"{Path(command[0]).name}: {(done.stdout + done.stderr).strip()}")
        return done.stdout


def remove(path):
    """Removes a file, or a folder with what is in it."""
    if path.is_dir():
        for inner in path.iterdir():
            remove(inner)
        path.rmdir()
    else:
        path.unlink()
