//! Arguments.

mod arguments;
mod help;
#[cfg(test)]
mod reference;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::arguments::{Baseline, Down, Execution, Import, New, Repair, Status, Up};

/// Migrate database schemas. Nothing lost, nothing twice, whatever dies.
///
/// Settings come from flags, from variables (DATABASE_URL, WHIMBREL_*, .env) and from
/// whimbrel.toml, in this order. Global options may stand before or after the command's name.
#[derive(Debug, Parser)]
#[command(
    name = "whimbrel",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_long_help = help::whimbrel(),
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command; they may stand before or after its name.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Database: sqlite:FILE, postgres://..., mysql://..., d1://..."
    )]
    pub(crate) url: Option<String>,
    /// Folder with the migrations; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) dir: Vec<PathBuf>,
    /// How the files are read: native, by-name, flyway, ...; found out if not given
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) layout: Option<String>,
    /// What the layout's tool is told besides its files, such as contexts=prod
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) layout_option: Vec<(String, String)>,
    /// Table for the history, also SCHEMA.NAME
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Settings file, if it is not whimbrel.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Run as if started in this folder
    #[arg(short = 'C', global = true, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Environment of the settings file, such as production
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// One of the settings file's named databases
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// Longest wait for the lock, such as 30s or 10m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub(crate) lock_wait: Option<Duration>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Answer yes to every question
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
    /// Say more: statements as they end
    #[arg(long, short = 'v', global = true)]
    pub(crate) verbose: bool,
    /// Say only what went wrong
    #[arg(long, short = 'q', global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// No colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write whimbrel.toml and the folder, create the history tables
    ///
    /// What is there already stays as it is, so it may be run again.
    #[command(after_long_help = help::init())]
    Init,
    /// Write a new migration file with the next version
    ///
    /// The version is the next number where the folder counts, else the time (UTC) as the folder
    /// writes it (`2024-01-05-`, `202401051230_`, seconds since 1970). Files of another
    /// tool's folder are written in that tool's form. The path is printed.
    #[command(after_long_help = help::new())]
    New(New),
    /// Show the state of every migration
    ///
    /// Nothing is changed, and nothing is created in a database that Whimbrel has not touched yet.
    #[command(after_long_help = help::status())]
    Status(Status),
    /// Show what `up` would do
    ///
    /// Takes the arguments of `up`. With --dry-run it prints the exact SQL, as `up --dry-run` does.
    #[command(after_long_help = help::plan())]
    Plan(Up),
    /// Apply pending migrations
    ///
    /// Each migration and its record are one transaction where the engine can do that; a run that
    /// died is taken up where it stopped. Everything that a run applies is a batch, which `down` undoes.
    #[command(after_long_help = help::up())]
    Up(Up),
    /// Undo the last batch, or what is asked for
    ///
    /// Runs the down scripts, newest first, and lists them before. Where a file is gone, the script
    /// kept in the history is run. A migration without a rollback is refused before anything runs.
    #[command(after_long_help = help::down())]
    Down(Down),
    /// Undo the last migration and apply it again
    ///
    /// The file may have been edited meanwhile: what was applied is undone by the script kept with it,
    /// then the file runs as it is now.
    #[command(after_long_help = help::redo())]
    Redo(Execution),
    /// Undo everything, by the down scripts
    ///
    /// Drops nothing that the down scripts don't drop. Asks for the database's name, unless --yes is
    /// given, and refuses a database that the settings mark as `protected`.
    #[command(after_long_help = help::reset())]
    Reset(Execution),
    /// Take over the history of another migration tool
    ///
    /// Records what that tool applied, in one transaction; `up` goes on after it. The tool's own
    /// tables are only read, so this may be run again.
    #[command(after_long_help = help::import())]
    Import(Import),
    /// Mark the database as being at a version that somebody else brought it to
    ///
    /// Every migration up to that version is recorded as being there; none is run. `down` never
    /// undoes them.
    #[command(after_long_help = help::baseline())]
    Baseline(Baseline),
    /// Say what became of a statement whose end can't be seen, or that a changed file is meant
    ///
    /// A run that died in a statement outside transactions is taken up by `up`, which looks into the
    /// catalog. Only where the catalog can't tell (an UPDATE, say) a person has to. And only a person
    /// knows whether the database has what was changed in an applied file: then --accept takes the
    /// file as it stands for what was applied, and runs nothing.
    #[command(after_long_help = help::repair())]
    Repair(Repair),
    /// Free the lock by hand
    ///
    /// Seldom needed: the lock of a run that died runs out by itself. A run that is still at work
    /// is fenced out: it can write nothing more.
    #[command(after_long_help = help::unlock())]
    Unlock,
    /// Print completions for a shell
    #[command(after_long_help = help::completions())]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of one command if it is named
    #[command(after_long_help = help::man())]
    Man {
        /// Which command
        command: Option<String>,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    whimbrel::directive::duration(text).map_err(|expected| format!("expected {expected}"))
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|&count| count > 0);
    count.ok_or_else(|| "expected a whole number from 1".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_agree_with_each_other() {
        super::Cli::command().debug_assert();
    }
}
