"""Goes through the tools and prints the table."""

import subprocess

from .databases import engines
from .install import Cache, NotInstallable
from .selftest import self_test
from .servers import servers
from .tool import ToolFailed
from .tools import TOOLS
from .trial import Different, Trial

#: With PostgreSQL and MariaDB.
ALL_ENGINES = 4
HEADINGS = ("tool", "version", "from", "engine", "same schema", "take-over", "changed file", "undo")


def main(options):
    """Runs everything; the exit code is 1 if anything is different."""
    chosen = [tool for tool in TOOLS if not options.tools or tool.name in options.tools]
    unknown = set(options.tools) - {tool.name for tool in chosen}
    if unknown or not options.whimbrel.exists():
        print(f"unknown tools: {sorted(unknown)}" if unknown else f"no program at {options.whimbrel}")
        return 2
    options.whimbrel = options.whimbrel.resolve()
    if options.self_test:
        with servers():
            return self_test(options.whimbrel)
    cache = Cache(options.cache, options.quick)
    rows, troubles = [], []
    with servers():
        if options.quick and len(engines()) < ALL_ENGINES:
            troubles.append(("a server is missing", "run scripts/install-test-servers"))
        for kind in chosen:
            rows += try_tool(kind(), cache, options, troubles)
    print_table([HEADINGS, *rows])
    for heading, text in troubles:
        print(f"\n{heading}\n{text}")
    return 1 if troubles else 0


def try_tool(tool, cache, options, troubles):
    """The rows of one tool."""
    def row(engine, *results):
        return (tool.name, tool.version, tool.registry, engine, *results, *[""] * (4 - len(results)))
    if options.quick and not tool.quick:
        return [row("-", "left out by --quick")]
    try:
        tool.install(cache)
    except NotInstallable as reason:
        if options.quick:
            # Else nobody would see that nothing was tried.
            troubles.append((f"{tool.name}: not installable", reason))
        return [row("-", "not installable here", str(reason))]
    rows = []
    for engine, database in engines().items():
        if options.quick and engine in tool.slow_engines:
            rows.append(row(engine, "left out by --quick"))
        elif engine in tool.engines:
            trial = Trial(tool, database, options.whimbrel)
            try:
                results = try_engine(trial, engine, options, troubles)
            except (RuntimeError, subprocess.CalledProcessError) as broken:
                # A server that does not do as it is told must not take the other tools' results along.
                troubles.append((f"{tool.name} on {engine}: the trial broke off", broken))
                results = ["broke off"]
            rows.append(row(engine, *results))
    rows += [row(engine, "not possible here", reason) for engine, reason in tool.impossible.items()]
    return rows or [row("-", "no server for it here")]


def try_engine(trial, engine, options, troubles):
    """The results of a tool on one engine."""
    name = f"{trial.tool.name} on {engine}"
    try:
        expected = trial.original()
    except ToolFailed as failed:
        troubles.append((f"{name}: the original tool failed", failed))
        return ["tool failed"]
    results = []
    tool = trial.tool
    # A baseline knows nothing of the files, and is not undone.
    imports = tool.baseline(engine, trial.scripts) is None
    checks, undoes = tool.keeps_checksums and imports, tool.undoes and imports
    parts = [("same schema", trial.same_schema, tool.begins), ("take-over", trial.take_over, tool.takes_over)]
    parts += [("changed file", trial.changed_file, checks), ("undo", trial.undo, undoes)]
    for title, part, applies in parts:
        if not applies:
            results.append("-")
            continue
        try:
            part(expected)
            results.append("yes")
        except (Different, ToolFailed) as different:
            troubles.append((f"{name}: {title}", different))
            results.append("NO")
    if options.transcripts:
        options.transcripts.mkdir(parents=True, exist_ok=True)
        text = "\n".join(trial.transcript)
        (options.transcripts / f"{trial.tool.name}-{engine}.txt").write_text(text)
    return results


def print_table(rows):
    """Columns as wide as what is in them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), flush=True)
