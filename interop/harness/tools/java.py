"""flyway and liquibase as Maven artifacts."""

from pathlib import Path

from ..library import FIRST_HALF, is_compound
from ..servers import ZONE
from ..tool import Tool

DRIVERS = ["org.postgresql:postgresql:42.7.5", "org.xerial:sqlite-jdbc:3.49.1.0"]
DRIVERS += ["org.mariadb.jdbc:mariadb-java-client:3.5.2"]
#: JDBC's drivers give their own zone to the server's session.
JAVA = ["java", f"-Duser.timezone={ZONE}"]
ENGINES = ("postgres", "sqlite", "mysql")


class Flyway(Tool):
    """Flyway by its Java library: `Migrate.java` is the few lines that call it."""

    name = "flyway"
    version = "10.22.0"
    registry = "Maven"
    keeps_checksums = True
    modes = ("IGNORE_SPACE",)
    engines = ENGINES
    own_tables = ("flyway_schema_history",)
    runs_alone = True

    VERSIONS = {"members": "1", "loans": "2", "credit": "2_1", "overdue": "2.2", "speed": "3", "terms": "3.0.1"}

    def form(self, script):
        text = script.up_text.replace("'Emma'", "'${book}'")
        return {f"migrations/V{self.VERSIONS[script.name]}__{script.name}.sql": text}

    def files(self, engine, scripts):
        files = super().files(engine, scripts)
        if len(scripts) > FIRST_HALF:
            view = "DROP VIEW IF EXISTS books;\nCREATE VIEW books AS SELECT DISTINCT book FROM loans;\n"
            files["migrations/R__books_view.sql"] = view
        return files

    def install(self, cache):
        parts = ("flyway-core", "flyway-database-postgresql", "flyway-mysql")
        ours = [f"org.flywaydb:{part}:{self.version}" for part in parts]
        self.jars = cache.maven(self.name, [*ours, *DRIVERS])

    def up(self, project, database):
        source = Path(__file__).with_name("Migrate.java")
        self.run([*JAVA, "-cp", f"{self.jars}/*", source, *jdbc(database), "migrations"], project)


class Liquibase(Tool):
    """Liquibase's command line, with an includeAll of a folder of formatted SQL."""

    name = "liquibase"
    version = "4.31.1"
    registry = "Maven"
    keeps_checksums = True
    modes = ("IGNORE_SPACE",)
    engines = ENGINES
    own_tables = ("databasechangelog", "databasechangeloglock", "DATABASECHANGELOG", "DATABASECHANGELOGLOCK")
    runs_alone = True
    undoes = True

    def form(self, script):
        return {f"migrations/{script.number:03}_{script.name}.sql": "\n\n".join(changesets(script)) + "\n"}

    def install(self, cache):
        ours = [f"org.liquibase:liquibase-core:{self.version}", "info.picocli:picocli:4.7.6"]
        self.jars = cache.maven(self.name, [*ours, *DRIVERS])

    def up(self, project, database):
        self._liquibase(project, database, "update")

    def down(self, project, database, count):
        self._liquibase(project, database, "rollback-count", f"--count={count}")

    def _liquibase(self, project, database, *arguments):
        url, user, password = jdbc(database)
        command = [*JAVA, "-cp", f"{self.jars}/*", "liquibase.integration.commandline.LiquibaseCommandLine"]
        command += ["--changelog-file=changelog.xml", f"--url={url}", "--show-banner=false"]
        if user:
            command += [f"--username={user}", f"--password={password}"]
        self.run([*command, *arguments], project)


def changesets(script):
    """The parts of a formatted SQL file; a statement with a `;` inside has a changeset of its own."""
    groups = [[]]
    for statement in script.up:
        if groups[-1] and (is_compound(statement) or is_compound(groups[-1][-1])):
            groups.append([])
        groups[-1].append(statement)
    yield "--liquibase formatted sql"
    for place, group in enumerate(groups, 1):
        attributes = " splitStatements:false" if is_compound(group[0]) else ""
        attributes += " runInTransaction:false" if script.alone else ""
        # The last one takes back what the script did.
        down = script.down if place == len(groups) else ["empty"]
        lines = [f"--changeset ada:{script.name}-{place}{attributes}", *group, *(f"--rollback {line}" for line in down)]
        yield "\n".join(lines)


def jdbc(database):
    """URL, user and password as JDBC has them."""
    if database.engine == "sqlite":
        return f"jdbc:sqlite:{database.path}", "", ""
    server = database.server
    scheme, port = ("mariadb", 3306) if database.engine == "mysql" else ("postgresql", 5432)
    url = f"jdbc:{scheme}://{server.hostname}:{server.port or port}/{database.name}"
    return url, server.username or "", server.password or ""


TOOLS = [Flyway, Liquibase]
