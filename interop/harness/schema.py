"""Makes dumps comparable."""

import re

#: Lines that are about the dump or about the connection that made an object, not about the object:
#: keys that pg_dump makes up, and the character sets of the clients of MariaDB.
NOISE = re.compile(
    r"\\(un)?restrict "
    r"|/\*M?!\d+ SET (@saved_|character_set_|collation_connection)"
    r"|/\*!\d+ SET .*@(saved_|OLD_|@)"
    # What the shell of SQLite writes after a view, before its semicolon; Whimbrel sends no comments at the end.
    r"|/\* \w+\([\w,]*\) \*/$"
)


def normalised(dump):
    """The dump without such lines, empty lines and empty comments."""
    lines = (line.rstrip() for line in dump.splitlines())
    return "\n".join(line for line in lines if line and line != "--" and not NOISE.match(line)) + "\n"


def without_modes(dump, modes):
    """The dump of a MySQL without these words in what it keeps of `sql_mode`."""
    for mode in modes:
        dump = re.sub(rf"(SET sql_mode .*)\b{mode},", r"\1", dump)
    return dump
