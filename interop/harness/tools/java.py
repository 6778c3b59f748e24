"""flyway and liquibase as Maven artifacts."""

from pathlib import Path

from ..tool import Tool

DRIVERS = ["org.postgresql:postgresql:42.7.5", "org.xerial:sqlite-jdbc:3.49.1.0"]
DRIVERS += ["org.mariadb.jdbc:mariadb-java-client:3.5.2"]
ENGINES = ("postgres", "sqlite", "mysql")


class Flyway(Tool):
    """Flyway by its Java library: `Migrate.java` is the few lines that call it."""

    name = "flyway"
    version = "10.22.0"
    registry = "Maven"
    engines = ENGINES
    own_tables = ("flyway_schema_history",)
    later = ("migrations/V2_1__*", "migrations/V2.2__*", "migrations/V3__*", "migrations/R__*")

    def install(self, cache):
        parts = ("flyway-core", "flyway-database-postgresql", "flyway-mysql")
        ours = [f"org.flywaydb:{part}:{self.version}" for part in parts]
        self.jars = cache.maven(self.name, [*ours, *DRIVERS])

    def up(self, project, database):
        source = Path(__file__).with_name("Migrate.java")
        self.run(["java", "-cp", f"{self.jars}/*", source, *jdbc(database), "migrations"], project)


class Liquibase(Tool):
    """Liquibase's command line, with an includeAll of a folder of formatted SQL."""

    name = "liquibase"
    version = "4.31.1"
    registry = "Maven"
    engines = ENGINES
    own_tables = ("databasechangelog", "databasechangeloglock", "DATABASECHANGELOG", "DATABASECHANGELOGLOCK")
    later = ("migrations/003*", "migrations/004*", "migrations/005*")

    def install(self, cache):
        ours = [f"org.liquibase:liquibase-core:{self.version}", "info.picocli:picocli:4.7.6"]
        self.jars = cache.maven(self.name, [*ours, *DRIVERS])

    def up(self, project, database):
        url, user, password = jdbc(database)
        command = ["java", "-cp", f"{self.jars}/*", "liquibase.integration.commandline.LiquibaseCommandLine"]
        command += ["--changelog-file=changelog.xml", f"--url={url}", "--show-banner=false"]
        if user:
            command += [f"--username={user}", f"--password={password}"]
        self.run([*command, "update"], project)


def jdbc(database):
    """URL, user and password as JDBC has them."""
    if database.engine == "sqlite":
        return f"jdbc:sqlite:{database.path}", "", ""
    server = database.server
    scheme, port = ("mariadb", 3306) if database.engine == "mysql" else ("postgresql", 5432)
    url = f"jdbc:{scheme}://{server.hostname}:{server.port or port}/{database.name}"
    return url, server.username or "", server.password or ""


TOOLS = [Flyway, Liquibase]
