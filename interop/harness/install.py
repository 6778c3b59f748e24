"""Installs a tool from its registry, by its package name, into the cache."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path


class NotInstallable(Exception):
    """The tool can't be had here; the message says why."""


class Cache:
    """The folder that keeps what was installed, one folder for each tool and version."""

    def __init__(self, root, quick=False):
        self.root = Path(root)
        #: Without what takes minutes.
        self.quick = quick
        self.root.mkdir(parents=True, exist_ok=True)

    def npm(self, name, packages):
        """Installs npm packages (name -> version) and gives their folder."""
        def install(folder):
            manifest = {"private": True, "name": f"interop-{name}", "dependencies": packages}
            (folder / "package.json").write_text(json.dumps(manifest))
            call(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], folder)
        return self._once("npm", name, packages, install)

    def go(self, name, package, version, tags):
        """Builds a command of a Go module and gives the folder of the program."""
        def install(folder):
            env = dict(os.environ, GOBIN=str(folder))
            call(["nice", "go", "install", f"-tags={tags}", f"{package}@{version}"], folder, env)
        return self._once("go", name, [package, version, tags], install)

    def pip(self, name, packages):
        """Makes a virtual environment with the packages and gives its folder of programs."""
        def install(folder):
            call([sys.executable, "-m", "venv", str(folder / "venv")], folder)
            call([str(folder / "venv/bin/pip"), "install", "--quiet", *packages], folder)
        return self._once("pip", name, packages, install) / "venv/bin"

    def maven(self, name, dependencies):
        """Fetches Maven artifacts (`group:artifact:version`) and gives the folder of jars."""
        def install(folder):
            (folder / "pom.xml").write_text(pom(dependencies))
            goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
            call(["mvn", "-q", "-B", goal, "-DoutputDirectory=lib"], folder)
        return self._once("maven", name, dependencies, install) / "lib"

    def cargo(self, name, crate, version, arguments):
        """Compiles a program from crates.io and gives its folder.

        Unoptimised and without what a debugger wants: compiling is what takes the time, not running.
        What several of them depend on is compiled once, in a folder that they share.
        """
        def install(folder):
            command = ["nice", "-n", "10", "cargo", "install", crate, "--version", version, "--locked", "--debug"]
            env = dict(os.environ, CARGO_TARGET_DIR=str(self.root / "cargo/target"), CARGO_PROFILE_DEV_DEBUG="0")
            call([*command, "--jobs=2", "--root", str(folder), *arguments], folder, env)
        return self._once("cargo", name, [crate, version, arguments], install) / "bin"

    def _once(self, registry, name, key, install):
        """Runs `install` unless exactly this was installed by an earlier run."""
        folder = self.root / registry / name
        stamp = folder / "installed.json"
        wanted = json.dumps(key, sort_keys=True)
        if stamp.exists() and stamp.read_text() == wanted:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        stamp.write_text(wanted)
        return folder


def call(command, folder, env=None):
    """Runs an installer; what it says last is the reason if it fails."""
    if shutil.which(command[0]) is None:
        raise NotInstallable(f"{command[0]} is not here")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NotInstallable(said[-1] if said else f"{command[0]} failed")


def pom(dependencies):
    """A Maven project that depends on the artifacts and does nothing else."""
    lines = []
    for coordinates in dependencies:
        group, artifact, version = coordinates.split(":")
        lines.append(
            f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version></dependency>"
        )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>interop</groupId><artifactId>interop</artifactId><version>1</version>"
        f"<dependencies>{''.join(lines)}</dependencies></project>"
    )
