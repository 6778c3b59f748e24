"""Makes dumps comparable."""

import re

#: Lines that differ from dump to dump, or only say how to load it.
NOISE = re.compile(r"^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config|/\*M?!\d+)")
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")


def normalised(dump):
    """The dump without comments, settings, empty lines and counters."""
    lines = (COUNTER.sub("", line.rstrip()) for line in dump.splitlines())
    return "\n".join(line for line in lines if line and not NOISE.match(line)) + "\n"
