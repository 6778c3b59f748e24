"""The migrations of a small library, once for each engine; every tool has them in its own form."""

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
#: How many of them are the first half, which the tool applies before Whimbrel takes over.
FIRST_HALF = 2
#: How many are undone.
UNDONE = 3
DOWN = "\n\n-- down\n\n"


@dataclass(frozen=True)
class Script:
    """A migration: its place, its name, and the statements of both ways."""

    number: int
    name: str
    up: tuple
    down: tuple

    @property
    def alone(self):
        """Whether it can't run inside a transaction."""
        return "CONCURRENTLY" in self.up_text

    @property
    def by_session(self):
        """Whether what it does depends on the settings of the tool's connection: time zone, modes, foreign keys."""
        return self.name == "terms"

    @property
    def stamp(self):
        """Its version where versions are times."""
        return f"2024010{self.number}090000"

    @property
    def up_text(self):
        """The way up as a file has it."""
        return "\n".join(self.up) + "\n"

    @property
    def down_text(self):
        """The way down as a file has it."""
        return "\n".join(self.down) + "\n"


def library(engine):
    """The engine's migrations in their order; D1 is SQLite."""
    folder = FIXTURES / "library" / ("sqlite" if engine == "d1" else engine)
    return [script(path) for path in sorted(folder.glob("*.sql"))]


def script(path):
    """Reads a file: empty lines are between statements, `-- down` is between the two ways."""
    number, name = path.stem.split("_")
    up, down = path.read_text().strip().split(DOWN)
    return Script(int(number), name, tuple(up.split("\n\n")), tuple(down.split("\n\n")))


def is_compound(statement):
    """Whether a statement has a `;` at the end of a line that does not end it."""
    return ";\n" in statement
