//! `syncline get`, `watch` and `export`.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde_json::{Value as Json, json};
use syncline::crdt::Value;
use syncline::doc::{Change, Origin};
use tokio::sync::broadcast::error::RecvError;

use super::session::{Session, path_of, shown};
use super::{ExportArgs, ExportFormat, Failure, GetArgs, WatchArgs};
use crate::shutdown::Signals;

/// Prints the subtree at a path.
pub(super) async fn get(args: GetArgs) -> Result<(), Failure> {
    let session = Session::open(&args.target).await?;
    let view = session.client.read(|doc| doc.view(&path_of(&args.path)));
    session.leave().await;
    let value = view.ok_or_else(|| {
        let (path, room) = (shown(&args.path), &args.target.room);
        Failure::Failed(format!(
            "there is nothing at {path} in room {room}. Look at the whole room with `syncline get --room {room}`."
        ))
    })?;
    print(&mut io::stdout().lock(), &pretty(&value)?)
}

/// Writes the whole room.
pub(super) async fn export(args: ExportArgs) -> Result<(), Failure> {
    let session = Session::open(&args.target).await?;
    let bytes = match args.format {
        ExportFormat::Binary => session.client.read(|doc| doc.export()),
        ExportFormat::Json => {
            let view = session.client.read(|doc| doc.view(&path_of(&[])));
            pretty(&view.unwrap_or(Value::Map(Default::default())))?
        }
    };
    session.leave().await;
    write_out(args.out.as_deref(), &bytes)
}

/// Writes to a file, or to stdout without one.
pub(super) fn write_out(file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match file {
        None => print(&mut io::stdout().lock(), bytes),
        Some(file) => write_file(file, bytes),
    }
}

/// Prints changes until a signal, the given count, or a closed stdout.
pub(super) async fn watch(args: WatchArgs) -> Result<(), Failure> {
    let session = Session::open(&args.target).await?;
    let mut changes = session.client.changes();
    let mut signals = Signals::install().map_err(|reason| {
        Failure::Failed(format!("cannot listen for signals: {reason}. Check the limits of this user."))
    })?;
    let mut left = args.count.unwrap_or(u64::MAX);
    eprintln!("watching {} in room {}", shown(&args.path), args.target.room);
    while left > 0 {
        let batch = tokio::select! {
            batch = changes.recv() => batch,
            reason = session.client.stopped() => return Err(reason.into()),
            _ = signals.next() => break,
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(RecvError::Lagged(missed)) => {
                eprintln!(
                    "syncline: {missed} lists of changes came faster than they could be printed and were left out; read the room with `syncline get`."
                );
                continue;
            }
            Err(RecvError::Closed) => break,
        };
        for change in batch.iter().filter(|change| change.path.segments().starts_with(&args.path)).take(left as usize) {
            left -= 1;
            if !print_line(&line(change))? {
                return Ok(());
            }
        }
    }
    session.leave().await;
    Ok(())
}

fn line(change: &Change) -> Json {
    let (origin, name) = match &change.origin {
        Origin::Local(name) => ("local", name.clone()),
        Origin::Import => ("import", None),
        Origin::Link => ("link", None),
    };
    let mut line = json!({
        "path": change.path.segments(),
        "kind": format!("{:?}", change.kind).to_lowercase(),
        "by": change.by.to_string(),
        "origin": origin,
    });
    let splices = change
        .splices
        .iter()
        .map(|splice| json!({"index": splice.index, "delete": splice.delete, "insert": splice.insert}));
    let splices: Vec<Json> = splices.collect();
    let optional = [
        ("name", name.map(Json::from)),
        ("old", value_json(&change.old)),
        ("new", value_json(&change.new)),
        ("splices", (!splices.is_empty()).then(|| splices.into())),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            line[key] = value;
        }
    }
    line
}

fn value_json(value: &Option<Value>) -> Option<Json> {
    // A value that JSON cannot hold is shown as null rather than ending the watch.
    value.as_ref().map(|value| serde_json::to_value(value).unwrap_or(Json::Null))
}

fn pretty(value: &Value) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::Failed(format!("the value cannot be shown as JSON: {error}. Use export --format binary."))
    })?;
    text.push(b'\n');
    Ok(text)
}

pub(super) fn print(out: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Failed(format!("cannot write to stdout: {error}. Check where the output goes."))),
        Ok(()) => Ok(()),
    }
}

/// Prints one line; false if nobody reads any more.
fn print_line(line: &Json) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Failed(format!("cannot write to stdout: {error}. Check where the output goes."))),
    }
}

fn write_file(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(file, bytes).map_err(|error| {
        Failure::Failed(format!("cannot write {}: {error}. Choose another file with --out.", file.display()))
    })
}
