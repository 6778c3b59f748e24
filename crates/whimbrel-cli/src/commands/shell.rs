//! `completions` and `man`.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;
use whimbrel::Error;

use crate::cli::Cli;
use crate::exit;

fn print(bytes: &[u8]) -> Result<u8, Error> {
    std::io::stdout()
        .write_all(bytes)
        .map_err(|source| Error::File {
            path: "standard output".to_owned(),
            source,
        })?;
    Ok(exit::OK)
}

pub(super) fn completions(shell: Shell) -> Result<u8, Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "whimbrel", &mut text);
    print(&text)
}

/// The page of the program, or of one of its commands.
pub(super) fn manual(name: Option<&str>) -> Result<u8, Error> {
    let mut command = Cli::command();
    command.build();
    if let Some(name) = name {
        let own = command.find_subcommand(name).cloned();
        command = own.ok_or_else(|| Error::Settings(format!("there is no command `{name}`")))?;
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|source| Error::File {
            path: "the manual page".to_owned(),
            source,
        })?;
    print(&text)
}
