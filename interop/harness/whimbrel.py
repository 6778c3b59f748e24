"""Runs Whimbrel's own program."""

import os
import subprocess
from dataclasses import dataclass


@dataclass
class Said:
    """What a command said, and how it ended."""

    command: str
    code: int
    out: str
    err: str

    def text(self):
        """As in a terminal."""
        return f"$ {self.command}\n{self.err}{self.out}".rstrip() + "\n"


class Whimbrel:
    """The program in one project, on one database."""

    def __init__(self, program, project, database, tool):
        self.program = program
        self.project = project
        self.database = database
        self.tool = tool

    def run(self, *arguments):
        """Runs a command; the URL comes from the environment, as it would in a deployment."""
        told = ["--dir", self.tool.directory, *self.tool.whimbrel_arguments]
        # Whimbrel refuses variables of its own that hold a URL, and these are the harness's.
        outside = {name: value for name, value in os.environ.items() if not name.startswith("WHIMBREL_")}
        env = dict(outside, WHIMBREL_URL=self.database.url, TERM="dumb", USER="ada", HOSTNAME="here")
        done = subprocess.run(
            [self.program, *arguments, *told], cwd=self.project, env=env,
            capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL,
        )
        shown = " ".join(["whimbrel", *arguments, *told])
        return Said(shown, done.returncode, done.stdout, done.stderr)
