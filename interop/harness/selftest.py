"""Breaks something on purpose, to see that the comparison notices."""

import tempfile
from pathlib import Path

from .databases import engines
from .tool import Tool
from .trial import Different, Trial

#: Small changes after which a dump must not be what it was, by engine.
BREAKS = {
    "postgres": (
        "ALTER TABLE members ALTER COLUMN credit SET DEFAULT 11",
        "ALTER TABLE members ALTER COLUMN email DROP NOT NULL",
        "ALTER TABLE members ALTER COLUMN credit TYPE bigint",
        "ALTER TABLE loans ADD CHECK (days > 0)",
        "ALTER TABLE loans DISABLE TRIGGER loans_take_credit",
        "ALTER FUNCTION take_credit() SECURITY DEFINER",
        "CREATE OR REPLACE FUNCTION take_credit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN\n    SET x = 1; RETURN NEW; END'",
        "DROP INDEX loans_book_idx",
        "CREATE OR REPLACE VIEW overdue AS SELECT members.name, loans.book FROM loans, members WHERE loans.days > 15",
        "ALTER SEQUENCE members_id_seq RESTART WITH 100",
        "CREATE TYPE kind AS ENUM ('a', 'b')",
        "UPDATE members SET name = 'Ida' WHERE id = 1",
    ),
    "mysql": (
        "ALTER TABLE members ALTER COLUMN credit SET DEFAULT 11",
        "ALTER TABLE loans MODIFY book VARCHAR(201) NOT NULL",
        "ALTER TABLE members MODIFY email VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL",
        "CREATE INDEX more ON loans (book)",
        "CREATE OR REPLACE VIEW overdue AS SELECT members.name, loans.book FROM loans, members WHERE loans.days > 15",
        "CREATE OR REPLACE TRIGGER loans_take_credit AFTER INSERT ON loans FOR EACH ROW UPDATE members SET credit = 1",
        "DROP TRIGGER loans_take_credit",
        "ALTER TABLE loans AUTO_INCREMENT = 100",
        "ALTER TABLE loans COMMENT 'other'",
        "CREATE PROCEDURE nothing() SELECT 1",
        "UPDATE members SET name = 'Ida' WHERE id = 1",
    ),
    "sqlite": (
        "ALTER TABLE loans RENAME COLUMN days TO days2",
        "ALTER TABLE members ADD COLUMN more",
        "CREATE INDEX more ON loans (book)",
        "DROP VIEW overdue",
        "DROP TRIGGER loans_take_credit",
        "UPDATE members SET name = 'Ida' WHERE id = 1",
    ),
}


class Plain(Tool):
    """Applies the library without any tool, by the engine's own client."""

    name = "plain"
    runs_alone = True
    spoilt = False

    def form(self, script):
        # What Whimbrel is given has one letter less than what the client is given.
        text = script.up_text.replace("'Persuasion'", "'Persuasio'") if self.spoilt else script.up_text
        return {f"migrations/{script.number:03}_{script.name}.sql": text}

    def up(self, _project, database):
        for script in self.scripts(database.engine):
            for statement in script.up:
                database.run(statement)


def self_test(program):
    """Goes through the engines; what went unnoticed is listed, and the number of it is the exit code."""
    unnoticed, count = [], 0
    for engine, kind in engines().items():
        if engine not in BREAKS:
            continue
        with tempfile.TemporaryDirectory(prefix="whimbrel-interop-") as folder:
            database = kind(Path(folder))
            try:
                found = list(breaks(database, BREAKS[engine]))
            finally:
                database.drop()
        found += whole_trial(program, kind)
        count += len(BREAKS[engine]) + 1
        unnoticed += [f"{engine}: {what}" for what in found]
    print("\n".join(unnoticed) or f"the comparison noticed all of {count} differences")
    return min(len(unnoticed), 1)


def breaks(database, statements):
    """Gives the changes that the dump does not show."""
    Plain().up(None, database)
    before = database.dump((), ())
    if before != database.dump((), ()):
        yield "two dumps of the same database differ"
    for statement in statements:
        database.run(statement)
        after = database.dump((), ())
        if after == before:
            yield statement
        before = after


def whole_trial(program, kind):
    """Gives the trials that pass although they must not."""
    tool = Plain()
    trial = Trial(tool, kind, program)
    expected = trial.original()
    trial.same_schema(expected)
    tool.spoilt = True
    try:
        trial.same_schema(expected)
        yield "Whimbrel ran other files, and the trial passed"
    except Different:
        pass
