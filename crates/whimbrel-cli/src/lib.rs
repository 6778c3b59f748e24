//! The command line of Whimbrel: arguments, settings, prompts and rendering. What is done, the
//! crate `whimbrel` does. The binary is [`main`]; [`check_settings`] is what else can be asked.

mod cli;
mod commands;
mod config;
mod exit;
mod render;
mod usage;

use std::process::ExitCode;

pub use self::config::check as check_settings;

/// The program.
pub fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    let arguments = match usage::read(&given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(commands::run(arguments));
            // What still waits for a server or a file must not keep the process.
            runtime.shutdown_background();
            code
        }
        Err(error) => exit::without_runtime(&error),
    }
}
