//! The `syncline` command: the relay, and small tools that talk to a running one.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the relay cannot be reached, 4 no answer in time.
//! Results go to stdout, everything else to stderr; an error is one sentence and what to do about it.

mod bench;
mod failure;
mod import;
mod operator;
mod read;
mod records;
mod room;
mod serve;
mod session;
mod settings;
mod stored;
mod token;
mod top;
mod write;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::LogFormat;

pub use failure::Failure;

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 relay unreachable, 4 no answer in time.";

#[derive(Debug, Parser)]
#[command(name = "syncline", version, about = "Keeps documents in step: the relay and its tools", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the relay until SIGTERM or Ctrl-C.
    Serve(ServeArgs),
    /// Prints a value, or all of a room, as JSON.
    Get(GetArgs),
    /// Writes one value and waits until it is safe. A JSON object becomes a map whose keys merge on their own.
    Set(SetArgs),
    /// Deletes a value and everything below it.
    Delete(DeleteArgs),
    /// Prints one JSON line per change until Ctrl-C.
    Watch(WatchArgs),
    /// Writes all of a room to a file or stdout.
    Export(ExportArgs),
    /// Reads a JSON file into a room and waits until all of it is durable.
    Import(ImportArgs),
    /// Prints a token for a relay that has a secret.
    Token(token::TokenArgs),
    /// Says whether the settings can be used, with the files that they name.
    CheckConfig(settings::CheckArgs),
    /// Prints a configuration file with every setting and its default.
    DefaultConfig,
    /// Shows what is in a store or in an exported blob; a relay may run on the store meanwhile.
    Inspect(stored::InspectArgs),
    /// Reads all of a store or an exported blob and says whether it is sound.
    Verify(stored::VerifyArgs),
    /// Copy a store into a new file, also while a relay runs on it
    Backup(stored::BackupArgs),
    /// What operators do with a room of a running relay: versions, deleting it, bringing it back.
    Room(room::RoomArgs),
    /// Shows the numbers of a running relay, live.
    Top(top::TopArgs),
    /// Puts load on a relay and measures what it does.
    Bench(bench::BenchArgs),
}

/// Flags of the relay; each wins over the environment and the configuration file.
#[derive(Debug, Args)]
struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:7171]; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Folder of the database [default: syncline-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// TOML or YAML file with settings
    #[arg(long, value_name = "FILE", env = "SYNCLINE_CONFIG")]
    config: Option<PathBuf>,
    /// Serve without authentication; only on a loopback address
    #[arg(long)]
    dev: bool,
    /// Threads that serve sockets and rooms [default: 2]
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,
    /// Form of log lines [default: pretty on a terminal, else json]
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
    /// Level, or levels by module, such as warn,syncline_server=debug [default: info]
    #[arg(long, value_name = "LEVELS")]
    log_level: Option<String>,
}

/// Where the room is, and how long to wait for it.
#[derive(Debug, Args)]
struct Target {
    /// Address of the relay
    #[arg(long, value_name = "URL", env = "SYNCLINE_URL", default_value = "ws://127.0.0.1:7171/sync")]
    url: String,
    /// Name of the room
    #[arg(long, value_name = "NAME", env = "SYNCLINE_ROOM")]
    room: String,
    /// Token for a relay that asks for one; better in the environment, where other users do not see it
    #[arg(long, value_name = "TOKEN", env = "SYNCLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// PEM file with the authority that signed the relay's certificate, for wss:// without a public one
    #[arg(long, value_name = "FILE", env = "SYNCLINE_CA")]
    ca: Option<PathBuf>,
    /// What the writes belong to in the traces of the relay, as W3C Trace Context has it; a malformed one is ignored
    #[arg(long, value_name = "TRACEPARENT", env = "TRACEPARENT")]
    traceparent: Option<String>,
    /// Seconds to wait without progress
    #[arg(long, value_name = "SECONDS", env = "SYNCLINE_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Keep trying while the relay cannot be reached, until the time-out
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
struct GetArgs {
    #[command(flatten)]
    target: Target,
    /// Keys from the root, one argument each; none is the whole room
    path: Vec<String>,
}

#[derive(Debug, Args)]
struct SetArgs {
    #[command(flatten)]
    target: Target,
    /// Keys from the root, one argument each
    #[arg(required = true)]
    path: Vec<String>,
    /// The value as JSON; text needs its quotes: '"hello"'
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    value: String,
    /// How safe the write must be before the command ends
    #[arg(long, value_enum, default_value_t = Level::Durable)]
    level: Level,
}

#[derive(Debug, Args)]
struct DeleteArgs {
    #[command(flatten)]
    target: Target,
    /// Keys from the root, one argument each
    #[arg(required = true)]
    path: Vec<String>,
    /// How safe the write must be before the command ends
    #[arg(long, value_enum, default_value_t = Level::Durable)]
    level: Level,
}

#[derive(Debug, Args)]
struct WatchArgs {
    #[command(flatten)]
    target: Target,
    /// Keys from the root; only changes at or below are printed
    path: Vec<String>,
    /// End after this many changes
    #[arg(long, value_name = "CHANGES")]
    count: Option<u64>,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    target: Target,
    /// JSON for people and other programs, or a snapshot that `import` of the libraries takes
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    format: ExportFormat,
    /// File to write; without it stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ImportArgs {
    #[command(flatten)]
    target: Target,
    /// JSON file with an object, or with an array of records and --key; - reads stdin
    file: PathBuf,
    /// Keys from the root of the map to import into; none is the whole room
    path: Vec<String>,
    /// Field of each record that becomes its key
    #[arg(long, value_name = "FIELD")]
    key: Option<String>,
}

/// Names how safe a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// The relay has it in memory
    Accepted,
    /// It survives the end of the relay's process
    Stored,
    /// It is on the relay's disk
    Durable,
}

/// Names what `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Maps as objects, sets as arrays, counters as numbers, texts as strings
    Json,
    /// The canonical snapshot: equal documents give equal bytes
    Binary,
}

/// Runs the command line given by `arguments` and returns the exit code of the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stdout or stderr leaves nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    let done = match cli.command {
        Command::Serve(args) => serve::serve(args),
        Command::Get(args) => session::block_on(read::get(args)),
        Command::Watch(args) => session::block_on(read::watch(args)),
        Command::Export(args) => session::block_on(read::export(args)),
        Command::Set(args) => session::block_on(write::set(args)),
        Command::Delete(args) => session::block_on(write::delete(args)),
        Command::Import(args) => session::block_on(import::import(args)),
        Command::Token(args) => token::token(args),
        Command::CheckConfig(args) => settings::check(args),
        Command::DefaultConfig => settings::print_default(),
        Command::Inspect(args) => stored::inspect(args),
        Command::Verify(args) => stored::verify(args),
        Command::Backup(args) => stored::back_up(args),
        Command::Room(args) => room::room(args),
        Command::Top(args) => top::top(args),
        Command::Bench(args) => bench::bench(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("syncline: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
