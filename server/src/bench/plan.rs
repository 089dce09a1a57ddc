//! What is to be run, checked before anything is connected.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::{BenchError, mark, process};

/// What relays and clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// The protocol of Syncline.
    Syncline,
    /// Yjs as y-websocket and y-sweet speak it.
    YWebsocket,
    /// Yjs as Hocuspocus speaks it.
    Hocuspocus,
}

/// What is done to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Clients that are there and do nothing: memory of each.
    Idle,
    /// One writer, all others read.
    Fanout,
    /// Many rooms; everybody writes and reads.
    Rooms,
    /// Everybody shows presence.
    Presence,
    /// All join at once rooms that hold data.
    JoinStorm,
    /// All lose their connection and come back at once.
    ReconnectStorm,
    /// One reader stops reading: what the others notice, and whether it comes back whole.
    SlowReader,
    /// Everybody writes: time until the relay says that the disk has it.
    Durable,
}

impl Scenario {
    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn is_paced(self) -> bool {
        !matches!(self, Scenario::Idle | Scenario::JoinStorm | Scenario::ReconnectStorm)
    }
}

/// Arguments as they were given; what is absent depends on the scenario.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Address of the relay; `{room}` in it stands for the name of a room.
    pub url: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// What to do.
    pub scenario: Scenario,
    /// Clients; of `fanout` and `slow-reader` the readers.
    pub clients: Option<u32>,
    /// Rooms that the clients are spread over.
    pub rooms: Option<u32>,
    /// Messages of each writer in a second.
    pub rate: Option<f64>,
    /// Time that counts, in seconds.
    pub seconds: u64,
    /// Time before it, in seconds.
    pub warmup: u64,
    /// Bytes of a message.
    pub size: usize,
    /// Cells that a room holds before a storm.
    pub cells: Option<u32>,
    /// What lets the clients in.
    pub token: Option<String>,
    /// Authorities for TLS.
    pub authorities: Option<PathBuf>,
    /// The process under test, if it runs here.
    pub pid: Option<u32>,
    /// A folder on the disk of the relay, to measure fsync in.
    pub fsync_dir: Option<PathBuf>,
}

/// A run. Its fields fit together.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Plan {
    pub(super) url: String,
    pub(super) dialect: Dialect,
    pub(super) scenario: Scenario,
    pub(super) clients: u32,
    pub(super) rooms: u32,
    pub(super) rate: f64,
    pub(super) seconds: u64,
    pub(super) warmup: u64,
    pub(super) size: usize,
    pub(super) cells: u32,
    #[serde(skip)]
    pub(super) token: Option<String>,
    #[serde(skip)]
    pub(super) authorities: Option<PathBuf>,
    pub(super) pid: Option<u32>,
    #[serde(skip)]
    pub(super) fsync_dir: Option<PathBuf>,
}

/// Most clients: one address of the system has no more ports for one relay.
const CLIENTS_MAX: u32 = 28_000;
/// Most messages of each writer in a second.
const RATE_MAX: f64 = 10_000.0;
/// Most messages of all writers in a second: one thread keeps the schedule.
const TOTAL_RATE_MAX: f64 = 200_000.0;
/// Longest run in seconds.
const SECONDS_MAX: u64 = 86_400;
/// Bytes of a message.
const SIZES: std::ops::RangeInclusive<usize> = 24..=65_536;
/// Cells of one room, and what all joining clients together may be sent.
const CELLS_MAX: u32 = 1_000_000;
const JOINED_CELLS_MAX: u64 = 20_000_000;
/// Files beside the sockets of the clients.
const OTHER_FILES: u64 = 64;

impl Plan {
    /// Fills in what the scenario prefers, and refuses what cannot be run.
    pub(super) fn new(wishes: Wishes) -> Result<Plan, BenchError> {
        use Scenario::{Durable, Fanout, Idle, JoinStorm, Presence, ReconnectStorm, Rooms, SlowReader};
        let (clients, rooms, rate, cells) = match wishes.scenario {
            Idle => (1000, 100, 0.0, 0),
            Fanout => (100, 1, 20.0, 0),
            Rooms => (100, 25, 20.0, 0),
            Presence => (50, 1, 1.0, 0),
            JoinStorm => (100, 1, 0.0, 20_000),
            ReconnectStorm => (500, 50, 0.0, 100),
            SlowReader => (100, 1, 20.0, 0),
            Durable => (50, 10, 20.0, 0),
        };
        let clients = wishes.clients.unwrap_or(clients);
        let plan = Plan {
            url: wishes.url,
            dialect: wishes.dialect,
            scenario: wishes.scenario,
            clients,
            rooms: wishes.rooms.unwrap_or_else(|| rooms.min(clients.max(1))),
            rate: wishes.rate.unwrap_or(rate),
            seconds: wishes.seconds,
            warmup: wishes.warmup,
            size: wishes.size,
            cells: wishes.cells.unwrap_or(cells),
            token: wishes.token,
            authorities: wishes.authorities,
            pid: wishes.pid,
            fsync_dir: wishes.fsync_dir,
        };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), BenchError> {
        let usage = |text: String| Err(BenchError::Usage(text));
        if !(1..=CLIENTS_MAX).contains(&self.clients) {
            return usage(format!(
                "--clients is from 1 to {CLIENTS_MAX}. Start the tool on several machines for more."
            ));
        }
        let one_room = matches!(self.scenario, Scenario::Fanout | Scenario::SlowReader);
        if one_room && self.rooms != 1 {
            return usage(format!(
                "{} is about one room. Leave --rooms out, or take --scenario rooms.",
                self.scenario.name()
            ));
        }
        if !(1..=self.clients).contains(&self.rooms) {
            return usage(
                "--rooms is at least 1 and at most the number of clients. Give fewer rooms, or more --clients.".into(),
            );
        }
        if self.scenario.is_paced() {
            self.check_pace()?;
        }
        if self.cells > CELLS_MAX || u64::from(self.cells) * u64::from(self.clients) > JOINED_CELLS_MAX {
            return usage(format!(
                "--cells is at most {CELLS_MAX}, and times --clients at most {JOINED_CELLS_MAX}: all of them arrive at once. Give fewer of either."
            ));
        }
        if self.fsync_dir.is_some() && self.scenario != Scenario::Durable {
            return usage("--fsync-dir is for durable acknowledgements. Take --scenario durable with it.".into());
        }
        self.check_files()
    }

    fn check_pace(&self) -> Result<(), BenchError> {
        let usage = |text: String| Err(BenchError::Usage(text));
        if !(self.rate > 0.0 && self.rate <= RATE_MAX) {
            return usage(format!("--rate is messages of each writer in a second, above 0 and at most {RATE_MAX}."));
        }
        if self.rate * f64::from(self.writers()) > TOTAL_RATE_MAX {
            return usage(format!(
                "--rate times {} writers is more than {TOTAL_RATE_MAX} messages a second. Give a lower --rate or fewer --clients.",
                self.writers()
            ));
        }
        if !(1..=SECONDS_MAX).contains(&self.seconds) || self.warmup > SECONDS_MAX {
            return usage(format!("--seconds is from 1 to {SECONDS_MAX}, --warmup at most that."));
        }
        if !SIZES.contains(&self.size) {
            return usage(format!(
                "--size is from {} to {} bytes; the first {} say which message it is.",
                SIZES.start(),
                SIZES.end(),
                mark::BYTES
            ));
        }
        if self.messages() == 0 {
            return usage(
                "--rate times --seconds is less than one message. Give a higher --rate or more --seconds.".into(),
            );
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), BenchError> {
        let needed = u64::from(self.clients) + OTHER_FILES;
        match process::files_allowed() {
            Some(allowed) if allowed < needed => Err(BenchError::Files { needed, allowed }),
            _ => Ok(()),
        }
    }

    /// Clients that write.
    pub(super) fn writers(&self) -> u32 {
        if matches!(self.scenario, Scenario::Fanout | Scenario::SlowReader) { 1 } else { self.clients }
    }

    /// Messages of each writer that count.
    pub(super) fn messages(&self) -> u32 {
        (self.rate * self.seconds as f64) as u32
    }

    /// Messages of each writer before.
    pub(super) fn warmup_messages(&self) -> u32 {
        (self.rate * self.warmup as f64) as u32
    }

    pub(super) fn every(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(scenario: Scenario) -> Wishes {
        Wishes {
            url: "ws://127.0.0.1:1/sync".into(),
            dialect: Dialect::Syncline,
            scenario,
            clients: None,
            rooms: None,
            rate: None,
            seconds: 10,
            warmup: 2,
            size: 32,
            cells: None,
            token: None,
            authorities: None,
            pid: None,
            fsync_dir: None,
        }
    }

    #[test]
    fn every_scenario_has_defaults_that_can_be_run() {
        for scenario in Scenario::value_variants() {
            let mut wishes = wishes(*scenario);
            // Whatever the limit on files of whoever runs the tests.
            wishes.clients = Some(60);
            let plan = Plan::new(wishes).unwrap();
            assert!(plan.rooms <= plan.clients && (plan.messages() > 0 || !scenario.is_paced()), "{plan:?}");
        }
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_the_argument_to_change() {
        let refused = |scenario, change: &dyn Fn(&mut Wishes)| {
            let mut wishes = wishes(scenario);
            change(&mut wishes);
            Plan::new(wishes).unwrap_err().to_string()
        };
        for (argument, error) in [
            ("--clients", refused(Scenario::Idle, &|wishes| wishes.clients = Some(0))),
            ("--clients", refused(Scenario::Idle, &|wishes| wishes.clients = Some(30_000))),
            ("--rooms", refused(Scenario::Fanout, &|wishes| wishes.rooms = Some(2))),
            ("--rooms", refused(Scenario::Rooms, &|wishes| wishes.rooms = Some(1000))),
            ("--rate", refused(Scenario::Fanout, &|wishes| wishes.rate = Some(f64::NAN))),
            ("--rate", refused(Scenario::Durable, &|wishes| (wishes.clients, wishes.rate) = (Some(200), Some(5000.0)))),
            ("--seconds", refused(Scenario::Fanout, &|wishes| wishes.seconds = 0)),
            ("--seconds", refused(Scenario::Fanout, &|wishes| wishes.rate = Some(0.01))),
            ("--size", refused(Scenario::Fanout, &|wishes| wishes.size = 23)),
            ("--cells", refused(Scenario::JoinStorm, &|wishes| wishes.cells = Some(500_000))),
            ("--fsync-dir", refused(Scenario::Fanout, &|wishes| wishes.fsync_dir = Some("x".into()))),
        ] {
            assert!(error.contains(argument), "{argument}: {error}");
        }
    }
}
