import java.util.Map;
import org.flywaydb.core.Flyway;

/** Runs Flyway's `migrate`: URL, user, password, folder. */
public class Migrate {
    public static void main(String[] arguments) {
        Flyway.configure()
            .dataSource(arguments[0], arguments[1], arguments[2])
            .locations("filesystem:" + arguments[3])
            .placeholders(Map.of("book", "Emma"))
            // Else Flyway waits for its own lock for ever where an index is built concurrently.
            .configuration(Map.of("flyway.postgresql.transactional.lock", "false"))
            .load()
            .migrate();
    }
}
