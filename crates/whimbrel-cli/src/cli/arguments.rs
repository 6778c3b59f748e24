//! Arguments of single commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{count, duration, key_value};

#[derive(Debug, Args)]
pub(crate) struct New {
    #[arg(help = "What it does, such as create_users")]
    pub(crate) name: String,
    /// Write a pair, `.up.sql` and `.down.sql`
    #[arg(long, conflicts_with = "repeatable")]
    pub(crate) pair: bool,
    /// Write a repeatable one, `R__name.sql`
    #[arg(long)]
    pub(crate) repeatable: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// The migration; without one, what is open is shown
    #[arg(value_name = "VERSION")]
    pub(crate) migration: Option<String>,
    /// It happened: go on after it
    #[arg(long, requires = "migration", conflicts_with = "again")]
    pub(crate) done: bool,
    /// It did not happen: run it again
    #[arg(long, requires = "migration")]
    pub(crate) again: bool,
    /// All that the migration did was taken back by hand: begin it anew
    #[arg(long, requires = "migration", conflicts_with_all = ["done", "again"])]
    pub(crate) restart: bool,
    /// Its file was changed on purpose: take it, as it stands, for what was applied
    #[arg(long, requires = "migration", conflicts_with_all = ["done", "again", "restart"])]
    pub(crate) accept: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Exit with code 3 if anything is pending
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Only these
    #[arg(value_name = "VERSION")]
    pub(crate) versions: Vec<String>,
    /// Up to this version, which is applied too
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["versions", "before", "steps"])]
    pub(crate) to: Option<String>,
    /// Up to this version, which is not applied
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["versions", "steps"])]
    pub(crate) before: Option<String>,
    /// The next so many
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, conflicts_with = "versions")]
    pub(crate) steps: Option<usize>,
    #[command(flatten)]
    pub(crate) execution: Execution,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Only these
    #[arg(value_name = "VERSION")]
    pub(crate) versions: Vec<String>,
    /// Down to this version, which stays
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["versions", "all", "steps"])]
    pub(crate) to: Option<String>,
    /// The last so many
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, conflicts_with_all = ["versions", "all"])]
    pub(crate) steps: Option<usize>,
    /// Everything; a `protected` database refuses
    #[arg(long, conflicts_with = "versions")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) execution: Execution,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The tool, such as flyway or goose; found out if not given
    #[arg(long, value_name = "TOOL")]
    pub(crate) from: Option<String>,
    /// The tool's table, if it does not have its usual name; also SCHEMA.NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) history_table: Option<String>,
    /// Print what would be recorded, with the exact SQL, instead of doing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Value for a placeholder, where the tool's files have any
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) placeholder: Vec<(String, String)>,
    /// Make native files of the migrations in a new folder, once both are shown to give the same schema
    #[arg(long)]
    pub(crate) convert: bool,
    /// The new folder; the migrations' own with `-whimbrel` after it if not given
    #[arg(long, value_name = "DIR", requires = "convert")]
    pub(crate) to: Option<PathBuf>,
    /// Database beside which both are tried, if not beside the given one
    #[arg(long, value_name = "URL", requires = "convert")]
    pub(crate) shadow_url: Option<String>,
    /// SQL to run there first, for what the migrations count on; may be given several times
    #[arg(long, value_name = "FILE", requires = "convert")]
    pub(crate) shadow_sql: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Baseline {
    /// The last version that the database has
    #[arg(value_name = "VERSION")]
    pub(crate) at: String,
    /// Print what would be recorded, with the exact SQL, instead of doing it
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Execution {
    /// Print the exact SQL instead of running it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One transaction for the whole run
    #[arg(long)]
    pub(crate) single_transaction: bool,
    /// After a failure go on with what does not depend on it
    #[arg(long)]
    pub(crate) continue_on_error: bool,
    /// Longest time for one migration, such as 90s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Longest wait of a statement for a lock, such as 5s; 0 leaves it to the server
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) lock_timeout: Option<Duration>,
    /// How often to try again what fails for a reason that passes (deadlock, lost connection)
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// Pause before the first retry, such as 2s; it doubles each time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) retry_delay: Option<Duration>,
    /// Go on although applied files were modified or files are out of order
    #[arg(long)]
    pub(crate) force: bool,
    /// Value for ${KEY} in the files; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) placeholder: Vec<(String, String)>,
    /// SQL to run before each migration; may be given several times
    #[arg(long, value_name = "SQL")]
    pub(crate) session_sql: Vec<String>,
}
