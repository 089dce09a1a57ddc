//! The `syncline` command.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    syncline_server::cli::run(std::env::args_os())
}
