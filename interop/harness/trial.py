"""The trials of a tool on an engine."""

import difflib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from .library import FIRST_HALF, UNDONE
from .schema import without_modes
from .tool import ToolFailed
from .whimbrel import Whimbrel


class Different(Exception):
    """Whimbrel did something else than the tool, or failed; the message shows it."""


class Trial:
    """A tool on an engine, with the program under trial."""

    def __init__(self, tool, database_class, program):
        self.tool = tool
        self.database_class = database_class
        self.program = program
        self.scripts = tool.scripts(database_class.engine)
        self.transcript = []

    def original(self):
        """The tool applies everything; the dump is what the others are measured by."""
        with Room(self) as (project, database):
            self.tool.up(project, database)
            return self._dump(database)

    def same_schema(self, expected):
        """Whimbrel applies everything to an empty database."""
        with Room(self) as (project, database):
            self.tool.prepare(project, database)
            whimbrel = Whimbrel(self.program, project, database, self.tool)
            self._expect(whimbrel.run("up"), 0)
            compare(expected, self._dump(database))

    def take_over(self, expected):
        """The tool applies the first half; Whimbrel takes its history over and goes on."""
        with Room(self, self.scripts[:FIRST_HALF]) as (project, database):
            self.tool.up(project, database)
            self.tool.next_half(project, database.engine, self.scripts)
            whimbrel = Whimbrel(self.program, project, database, self.tool)
            # With the tool's own tables: they stay as they are.
            before = database.dump((), ())
            self._take_over(whimbrel, self.scripts[:FIRST_HALF])
            compare(before, database.dump((), ()))
            for said in self.tool.taken_over(whimbrel, self.scripts[FIRST_HALF:]):
                self._expect(said, 0)
            self._expect(whimbrel.run("status"), 0)
            self._expect(whimbrel.run("up"), 0)
            self._expect(whimbrel.run("status", "--check"), 0)
            compare(expected, self._dump(database))

    def changed_file(self, _expected):
        """A file that the tool applied is not what it was: `import` must say so."""
        with Room(self, self.scripts[:FIRST_HALF]) as (project, database):
            self.tool.up(project, database)
            self.tool.lay_out(project, database.engine, [changed(script) for script in self.scripts])
            whimbrel = Whimbrel(self.program, project, database, self.tool)
            said = self._expect(whimbrel.run("import", *self.tool.import_arguments(database), "--dry-run"), 0)
            if "warning[changed-since]" not in said.err:
                raise Different("no word of the change:\n" + said.err)

    def undo(self, _expected):
        """The tool applies everything and undoes the last ones; on a copy, Whimbrel takes over and undoes as many."""
        with Room(self) as (project, database):
            self.tool.up(project, database)
            whole = self._dump(database)
            self.tool.down(project, database, UNDONE)
            expected = self._dump(database)
        if expected == whole:
            raise ToolFailed("the original tool undid nothing; there is nothing to compare")
        with Room(self) as (project, database):
            self.tool.up(project, database)
            whimbrel = Whimbrel(self.program, project, database, self.tool)
            self._take_over(whimbrel, self.scripts)
            self._expect(whimbrel.run("down", "--steps", str(UNDONE)), 0)
            compare(expected, self._dump(database))

    def _take_over(self, whimbrel, applied):
        database = whimbrel.database
        version = self.tool.baseline(database.engine, applied)
        if version is None:
            self._import(whimbrel, self.tool.import_arguments(database))
        else:
            self._expect(whimbrel.run("baseline", version), 0)

    def _import(self, whimbrel, where):
        # It must see the other history by itself and stop before anything happens.
        if self.tool.is_seen(whimbrel.database.engine):
            self._expect(whimbrel.run("up"), 4)
        self._expect(whimbrel.run("import", *where, "--dry-run"), 0)
        taken = self._expect(whimbrel.run("import", *where), 0)
        if "changed-since" in taken.err:
            raise Different("the tool's own checksums were not found again:\n" + taken.text())
        again = self._expect(whimbrel.run("import", *where), 0)
        if "Nothing to record" not in again.out + again.err:
            raise Different("a second import recorded something:\n" + again.text())

    def _dump(self, database):
        return without_modes(database.dump(self.tool.own_tables, self.tool.own_schemas), self.tool.modes)

    def _expect(self, said, code):
        self.transcript.append(said.text())
        if said.code != code:
            raise Different(f"exit code {said.code} instead of {code}:\n{said.text()}")
        return said


class Room:
    """A project folder with migrations, and an empty database; both go at the end."""

    def __init__(self, trial, scripts=None):
        self.trial = trial
        self.scripts = trial.scripts if scripts is None else scripts

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="whimbrel-interop-"))
        project = self.folder / "project"
        project.mkdir()
        self.trial.tool.lay_out(project, self.trial.database_class.engine, self.scripts)
        self.database = self.trial.database_class(self.folder)
        return project, self.database

    def __exit__(self, *_):
        self.trial.tool.drop(self.database)
        self.database.drop()
        shutil.rmtree(self.folder)


def changed(script):
    """The script with one letter less."""
    return replace(script, up=tuple(statement.replace("Kurt''s", "Kurt") for statement in script.up))


def compare(expected, found):
    """Raises with the difference, unless both dumps are the same."""
    if expected.strip() == "":
        raise ToolFailed("the original tool made nothing; there is nothing to compare")
    if expected != found:
        lines = difflib.unified_diff(
            expected.splitlines(), found.splitlines(), "tool", "whimbrel", lineterm=""
        )
        raise Different("\n".join(lines))
