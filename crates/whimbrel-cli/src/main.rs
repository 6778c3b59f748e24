//! The binary `whimbrel`.

fn main() -> std::process::ExitCode {
    whimbrel_cli::main()
}
