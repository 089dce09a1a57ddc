//! `syncline import`: a JSON file into a room, in transactions of bounded size.

use std::collections::VecDeque;
use std::io::{IsTerminal, Read};
use std::iter::Peekable;
use std::path::Path as FilePath;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use syncline::crdt::Value;
use syncline::replica::AckLevel;

use super::records::{Record, split};
use super::session::{Session, path_of, refused};
use super::{Failure, ImportArgs};
use crate::limits::{IMPORT_BYTES, IMPORT_CHUNK_BYTES, IMPORT_DOTS, IMPORT_WINDOW};

/// Reads the file, writes it, and returns when all of it is durable at the relay.
pub(super) async fn import(args: ImportArgs) -> Result<(), Failure> {
    let value: Value = serde_json::from_slice(&read(&args.file)?).map_err(|error| {
        Failure::Failed(format!(
            "{} cannot be imported: {error}. Correct the file; nothing was written.",
            args.file.display()
        ))
    })?;
    let records = split(&path_of(&args.path), value, args.key.as_deref(), IMPORT_DOTS)?;
    let session = Session::open(&args.target).await?;
    let bar = progress_bar(records.len() as u64);
    write(&session, records, &bar).await?;
    session.limit("the relay stores the last records", session.client.acked(AckLevel::Durable)).await??;
    bar.finish();
    eprintln!("imported {} records into room {}", bar.position(), args.target.room);
    session.leave().await;
    Ok(())
}

/// Writes transaction by transaction; only a few are unacknowledged at a time, so memory on both sides stays bounded.
async fn write(session: &Session, records: Vec<Record>, bar: &ProgressBar) -> Result<(), Failure> {
    let mut unacknowledged: VecDeque<(u64, u64)> = VecDeque::new();
    let mut records = records.into_iter().peekable();
    while records.peek().is_some() {
        let chunk = next_chunk(&mut records);
        let count = chunk.len() as u64;
        let assign = |doc: &mut syncline::doc::Doc| {
            chunk.into_iter().try_for_each(|record| doc.assign(&record.path, record.value))
        };
        session.client.edit(Some("import"), assign).map_err(refused)?;
        unacknowledged.push_back((session.client.written(), count));
        if unacknowledged.len() >= IMPORT_WINDOW {
            wait_for_oldest(session, &mut unacknowledged, bar).await?;
        }
    }
    while !unacknowledged.is_empty() {
        wait_for_oldest(session, &mut unacknowledged, bar).await?;
    }
    Ok(())
}

/// Takes whole records up to the size of a transaction, one at least.
fn next_chunk(records: &mut Peekable<impl Iterator<Item = Record>>) -> Vec<Record> {
    let (mut chunk, mut leaves, mut bytes) = (Vec::new(), 0, 0);
    while let Some(record) = records.next_if(|record| {
        leaves == 0 || leaves + record.leaves <= IMPORT_DOTS && bytes + record.bytes <= IMPORT_CHUNK_BYTES
    }) {
        leaves += record.leaves;
        bytes += record.bytes;
        chunk.push(record);
    }
    chunk
}

async fn wait_for_oldest(
    session: &Session,
    unacknowledged: &mut VecDeque<(u64, u64)>,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    if let Some((seq, count)) = unacknowledged.pop_front() {
        session.limit("the relay stores records", session.client.acked_upto(AckLevel::Durable, seq)).await??;
        bar.inc(count);
    }
    Ok(())
}

fn read(file: &FilePath) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Failed(format!("cannot read {}: {error}. Give an existing JSON file, or - for stdin.", file.display()))
    };
    let source: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(file).map_err(failed)?),
    };
    let mut bytes = Vec::new();
    source.take(IMPORT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > IMPORT_BYTES {
        true => Err(Failure::Failed(format!(
            "{} is larger than {IMPORT_BYTES} bytes. Split it into several files.",
            file.display()
        ))),
        false => Ok(bytes),
    }
}

/// A bar on stderr if that is a terminal; elsewhere it only counts.
fn progress_bar(records: u64) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(records), target);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} records durable, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
