//! `syncline bench`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::read::print;
use crate::bench::{self, Dialect, Report, Scenario, Wishes};

/// Threads of the tool: one more than the schedule needs, since the relay often runs beside it.
const THREADS: usize = 2;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Address of the relay; {room} in it stands for the name of a room, which y-websocket has at the end else
    #[arg(long, value_name = "URL", env = "SYNCLINE_URL", default_value = "ws://127.0.0.1:7171/sync")]
    url: String,
    /// What the relay speaks
    #[arg(long, value_enum, default_value_t = Dialect::Syncline)]
    dialect: Dialect,
    /// What is done to it
    #[arg(long, value_enum)]
    scenario: Scenario,
    /// Clients; of fanout and slow-reader the readers [default: by scenario]
    #[arg(long, value_name = "COUNT")]
    clients: Option<u32>,
    /// Rooms that the clients are spread over [default: by scenario]
    #[arg(long, value_name = "COUNT")]
    rooms: Option<u32>,
    /// Messages of each writer in a second [default: 20, presence 1]
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// Time that counts, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Time before it that does not count, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    warmup: u64,
    /// Bytes of each message
    #[arg(long, value_name = "BYTES", default_value_t = 32)]
    size: usize,
    /// Cells that each room holds before a storm [default: 20000 of join-storm, 100 of reconnect-storm]
    #[arg(long, value_name = "COUNT")]
    cells: Option<u32>,
    /// Token for rooms bench-*; better in the environment, where other users do not see it
    #[arg(long, value_name = "TOKEN", env = "SYNCLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// PEM file with the authority that signed the relay's certificate, for wss:// without a public one
    #[arg(long, value_name = "FILE", env = "SYNCLINE_CA")]
    ca: Option<PathBuf>,
    /// Process of the relay, to measure its CPU and memory
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Folder on the relay's disk, to compare durable acknowledgements with fsync
    #[arg(long, value_name = "FOLDER")]
    fsync_dir: Option<PathBuf>,
    /// File for the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// File for the figures as a page with a plot
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs a scenario and prints its figures.
pub(super) fn bench(args: BenchArgs) -> Result<(), Failure> {
    let (json, html) = (args.json.clone(), args.html.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime =
        runtime.map_err(|reason| Failure::Failed(format!("cannot start: {reason}. Check the limits of this user.")))?;
    let report = runtime.block_on(bench::run(args.wishes()))?;
    print(&mut std::io::stdout().lock(), report.to_text().as_bytes())?;
    if let Some(file) = json {
        write(&file, "--json", format!("{:#}\n", report.to_json()))?;
    }
    html.map_or(Ok(()), |file| write(&file, "--html", Report::to_html(&report)))
}

impl BenchArgs {
    fn wishes(self) -> Wishes {
        Wishes {
            url: self.url,
            dialect: self.dialect,
            scenario: self.scenario,
            clients: self.clients,
            rooms: self.rooms,
            rate: self.rate,
            seconds: self.seconds,
            warmup: self.warmup,
            size: self.size,
            cells: self.cells,
            token: self.token,
            authorities: self.ca,
            pid: self.pid,
            fsync_dir: self.fsync_dir,
        }
    }
}

fn write(file: &Path, flag: &str, text: String) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| {
        Failure::Failed(format!("cannot write {}: {error}. Choose another file with {flag}.", file.display()))
    })
}
