//! `syncline room`: what operators do with one room of a running relay.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::operator::{Operator, OperatorArgs};
use super::read::{print, write_out};
use super::{ExportFormat, Failure};
use crate::limits::ADMIN_TIMEOUT;
use crate::relay::now_ms;

/// Time beyond the relay's own limit.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct RoomArgs {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Lists the versions of a room that can be had, the newest first.
    Versions(VersionsArgs),
    /// Writes a room as it was to a file or stdout.
    Export(ExportArgs),
    /// Writes again what a version has, so that all who have the room come to it.
    Restore(RestoreArgs),
    /// Deletes a room; it can be brought back for as long as the relay is configured to keep it.
    Delete(Target),
    /// Brings a deleted room back.
    Undelete(Target),
}

#[derive(Debug, Args)]
struct Target {
    #[command(flatten)]
    operator: OperatorArgs,
    /// Name of the room
    room: String,
}

#[derive(Debug, Args)]
struct VersionsArgs {
    #[command(flatten)]
    target: Target,
    /// Print JSON, one line for each version
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    target: Target,
    /// Version from the list
    version: u64,
    /// JSON for people and other programs, or a snapshot that the libraries import
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    format: ExportFormat,
    /// File to write; without it stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RestoreArgs {
    #[command(flatten)]
    target: Target,
    /// Version from the list
    version: u64,
    /// Keys from the root, one argument each; only what is there and below goes back
    path: Vec<String>,
}

impl Target {
    fn operator(&self) -> Result<Operator, Failure> {
        Operator::new(&self.operator, ADMIN_TIMEOUT + GRACE)
    }

    fn path(&self, rest: &str) -> String {
        format!("/admin/v1/rooms/{}{rest}", encoded(&self.room))
    }
}

pub(super) fn room(args: RoomArgs) -> Result<(), Failure> {
    match args.order {
        Order::Versions(args) => versions(&args),
        Order::Export(args) => export(&args),
        Order::Restore(args) => restore(&args),
        Order::Delete(target) => delete(&target),
        Order::Undelete(target) => undelete(&target),
    }
}

fn versions(args: &VersionsArgs) -> Result<(), Failure> {
    let answer = args.target.operator()?.ask("GET", &args.target.path("/versions"))?;
    let versions = answer["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: String = match args.json {
        true => versions.iter().map(|version| format!("{version}\n")).collect(),
        false => {
            let head = format!("{:>10} {:>14} {:>10} {:>12}\n", "version", "age", "kind", "bytes");
            versions.iter().map(|version| line(version, now_ms())).fold(head, |all, line| all + &line)
        }
    };
    print(&mut std::io::stdout().lock(), lines.as_bytes())
}

fn line(version: &Value, now_ms: u64) -> String {
    let age = version["at_ms"].as_u64().map_or_else(|| "unknown".into(), |at| age(now_ms.saturating_sub(at) / 1000));
    let kind = version["kind"].as_str().unwrap_or_default();
    format!("{:>10} {age:>14} {kind:>10} {:>12}\n", version["version"], version["bytes"])
}

fn age(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn export(args: &ExportArgs) -> Result<(), Failure> {
    let format = match args.format {
        ExportFormat::Json => "json",
        ExportFormat::Binary => "binary",
    };
    let path = args.target.path(&format!("/versions/{}/export?format={format}", args.version));
    let bytes = args.target.operator()?.ask_bytes("GET", &path)?;
    write_out(args.out.as_deref(), &bytes)
}

fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let keys: Vec<String> = args.path.iter().map(|key| format!("path={}", encoded(key))).collect();
    let path = args.target.path(&format!("/versions/{}/restore?{}", args.version, keys.join("&")));
    let done = args.target.operator()?.ask("POST", &path)?;
    let shown = format!("{} values written; the room is at version {}\n", done["written"], done["last_entry"]);
    print(&mut std::io::stdout().lock(), shown.as_bytes())
}

fn delete(target: &Target) -> Result<(), Failure> {
    let done = target.operator()?.ask("DELETE", &target.path(""))?;
    let at = |name: &str| done["deleted"][name].as_u64().unwrap_or_default();
    let kept = age(at("until_ms").saturating_sub(at("at_ms")) / 1000);
    let shown = format!("room {:?} is deleted; for {kept} it can be brought back\n", target.room);
    print(&mut std::io::stdout().lock(), shown.as_bytes())
}

fn undelete(target: &Target) -> Result<(), Failure> {
    target.operator()?.ask("POST", &target.path("/undelete"))?;
    print(&mut std::io::stdout().lock(), format!("room {:?} is back\n", target.room).as_bytes())
}

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let shown: Vec<String> = [5, 61, 3_700, 90_000].into_iter().map(age).collect();
        assert_eq!(shown, ["5 s", "1 min", "1 h 1 min", "1 d 1 h"]);
    }
}
