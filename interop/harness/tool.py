"""What every tool's module says about its tool."""

import shutil
import subprocess
from pathlib import Path

from .install import NotInstallable
from .library import FIXTURES, library


class ToolFailed(Exception):
    """The original tool ended with an error."""


class Tool:
    """A migration tool as this harness drives it; one subclass for each."""

    #: Its row in the table, and its folder in `fixtures/` if it has one.
    name = ""
    #: That folder, if it is called otherwise.
    fixtures = ""
    #: Whether Whimbrel's files make the same from nothing.
    begins = True
    #: Whether Whimbrel can go on after its first half.
    takes_over = True
    #: Whether its history has checksums of the files, which `import` compares.
    keeps_checksums = False
    #: Whether it has a command that undoes, by the scripts that Whimbrel reads too.
    undoes = False
    #: The version that is installed.
    version = ""
    #: Where it comes from: npm, PyPI, Go, Maven, Debian, crates.io.
    registry = ""
    #: Whether it is installed within a minute by npm, by pip, by Go or with the servers: one of those that are tried with every change.
    quick = False
    #: Of its engines those whose drivers take minutes to install.
    slow_engines = ()
    #: The engines that it is tried on.
    engines = ("postgres", "sqlite")
    #: Engines that the tool knows and that it can't be tried on here, with the reason.
    impossible = {}
    #: The folder of the migrations in the project.
    directory = "migrations"
    #: What the tool keeps for itself in the database, left out of the comparison.
    own_tables = ()
    own_schemas = ()
    #: Whether it can run a migration outside a transaction.
    runs_alone = False
    #: Whether Whimbrel knows the files as this tool's, and so with what settings the tool runs them.
    has_layout = True
    #: Modes of MySQL that the tool's driver turns on and that are kept with triggers. Whimbrel does not turn them on,
    #: because the files don't say which driver the tool had.
    modes = ()
    #: What Whimbrel is told besides the URL and the folder.
    whimbrel_arguments = ()

    def install(self, cache):
        """Installs the tool."""
        raise NotImplementedError

    def needs(self, command, packages):
        """Asks a program of the system's packages; what is not there is named."""
        try:
            return self.run(command, "/").strip()
        except (ToolFailed, FileNotFoundError) as failed:
            raise NotInstallable(f"`apt-get install --no-install-recommends {packages}` first") from failed

    def up(self, project, database):
        """Applies everything in the project with the original tool."""
        raise NotImplementedError

    def down(self, project, database, count):
        """Undoes the last so many with the tool's own command."""
        raise NotImplementedError

    def form(self, script):
        """A migration in the tool's form: path below the project -> text."""
        raise NotImplementedError

    def files(self, _engine, scripts):
        """All that is written from the migrations."""
        return {path: text for script in scripts for path, text in self.form(script).items()}

    def scripts(self, engine):
        """The migrations that the tool can run."""
        fits = lambda script: (self.runs_alone or not script.alone) and (self.has_layout or not script.by_session)
        return [script for script in library(engine) if fits(script)]

    def lay_out(self, project, engine, scripts):
        """Puts a project with these migrations there, beside what `fixtures/` has for the tool."""
        own = FIXTURES / (self.fixtures or self.name)
        for folder in (own / "any", own / engine):
            if folder.is_dir():
                shutil.copytree(folder, project, dirs_exist_ok=True)
        for path, text in self.files(engine, scripts).items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)

    def next_half(self, project, engine, scripts):
        """Puts the files there that Whimbrel finds once the tool has applied the first half."""
        self.lay_out(project, engine, scripts)

    def taken_over(self, whimbrel, rest):
        """What is done between `import` and `up`, with the scripts that are left: exit codes are to be 0."""
        return ()

    def is_seen(self, _engine):
        """Whether Whimbrel finds the tool's history by itself, and stops."""
        return True

    def import_arguments(self, _database):
        """What `import` has to be told about where the history is."""
        return ()

    def baseline(self, _engine, _scripts):
        """The version of the last of these scripts, to give to `baseline`, where `import` does not know the tool's history."""
        return None

    def drop(self, _database):
        """Removes what the tool has put outside the database."""

    def prepare(self, project, database):
        """What has to be there before Whimbrel comes to an empty database."""

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

