//! A load generator for relays: `syncline bench`.
//!
//! Every message has its time before the run begins, whether the relay keeps up or not, and its latency counts from that time. The
//! connections speak raw frames and merge nothing, so that the tool costs less than what it measures.
//!
//! | module | what it is |
//! |---|---|
//! | `plan`, `error` | what is to be run, checked; why there are no figures |
//! | `schedule`, `mark` | when each message is due; how a reader tells which one it got |
//! | `latency`, `tally` | histograms and counts, of bounded size |
//! | `process`, `fsync` | CPU and memory of the relay, the speed of its disk |
//! | `peer`, `connection` | what is spoken: Syncline, y-websocket, Hocuspocus; one socket |
//! | `scenario` | the runs |
//! | `report`, `html`, `progress` | figures for people and programs |

mod connection;
mod error;
mod fsync;
mod html;
mod latency;
mod mark;
mod peer;
mod plan;
mod process;
mod progress;
mod report;
mod scenario;
mod schedule;
mod tally;

pub use error::BenchError;
pub use plan::{Dialect, Scenario, Wishes};
pub use report::Report;

use plan::Plan;
use scenario::Stage;

impl Report {
    /// All of it as a page that needs nothing else.
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

/// Runs a scenario against a relay and says what came out.
///
/// # Errors
/// [`BenchError`] if the wishes cannot be run, or the relay lets nobody in. What fails later is part of the report.
pub async fn run(wishes: Wishes) -> Result<Report, BenchError> {
    let stage = Stage::new(Plan::new(wishes)?)?;
    match stage.plan.scenario {
        Scenario::Idle => scenario::idle(&stage).await,
        Scenario::Fanout | Scenario::Rooms | Scenario::Presence => scenario::traffic(&stage).await,
        Scenario::Durable => scenario::durable(&stage).await,
        Scenario::SlowReader => scenario::slow_reader(&stage).await,
        Scenario::JoinStorm => scenario::join_storm(&stage).await,
        Scenario::ReconnectStorm => scenario::reconnect_storm(&stage).await,
    }
}
