//! `syncline inspect` and `syncline verify`: what is in a store, or in one exported blob.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use syncline::clock::VersionVector;
use syncline::delta::Blob;
use syncline::doc::Doc;

use super::Failure;
use super::read::print;
use crate::client::new_replica_id;
use crate::limits::IMPORT_BYTES;
use crate::relay::{document, rebuild};
use crate::store::{BackupError, LoadError, OpenError, StoreFile, StoredRoom};
use crate::yjs::{self, from_stored};

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Data folder, database file, or a blob from `export --format binary`
    file: PathBuf,
    /// Print JSON, one line for each room
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Data folder, database file, or a blob from `export --format binary`
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Data folder or database file; a relay may be running on it
    store: PathBuf,
    /// New file to write
    file: PathBuf,
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Failure::Failed(error.to_string())
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Failure::Failed(format!("{error}. Restore the file from a backup."))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Failure::Failed(error.to_string())
    }
}

/// Copies a store as it is at one moment.
pub(super) fn back_up(args: BackupArgs) -> Result<(), Failure> {
    let none = || Failure::Failed(format!("{} is no store. Give the data folder of a relay.", args.store.display()));
    let path = StoreFile::at(&args.store).ok_or_else(none)?;
    StoreFile::open(&path)?.back_up(&args.file)?;
    println!("{}: {} bytes", args.file.display(), std::fs::metadata(&args.file).map_or(0, |file| file.len()));
    Ok(())
}

/// Shows what is there; content is not read from a store.
pub(super) fn inspect(args: InspectArgs) -> Result<(), Failure> {
    let Some(path) = StoreFile::at(&args.file) else { return inspect_blob(&args) };
    let mut store = StoreFile::open(&path)?;
    let facts = store.facts()?;
    let about =
        json!({"store": facts.path, "bytes": facts.bytes, "schema": facts.schema, "created_by": facts.created_by});
    let mut shown = match args.json {
        true => format!("{about}\n"),
        false => format!(
            "store {}, {} bytes, schema {}, made by {}\n{:>10} {:>12} {:>12} {:>12}  room\n",
            facts.path.display(),
            facts.bytes,
            facts.schema,
            facts.created_by,
            "version",
            "log entries",
            "log bytes",
            "snapshot"
        ),
    };
    store.each_room(|_, room| {
        shown.push_str(&room_line(&room, args.json));
        // Thousands of rooms are printed as they are read.
        print(&mut std::io::stdout().lock(), std::mem::take(&mut shown).as_bytes())
    })?;
    print(&mut std::io::stdout().lock(), shown.as_bytes())
}

fn room_line(room: &StoredRoom, json: bool) -> String {
    let StoredRoom { name, log_entries, log_bytes, snapshot_bytes, last_entry, deleted_ms } = room;
    let name = from_stored(name).map_or_else(|| name.clone(), |document| format!("yjs:{document}"));
    match json {
        true => format!(
            "{}\n",
            json!({"room": name, "version": last_entry, "log_entries": log_entries, "log_bytes": log_bytes, "snapshot_bytes": snapshot_bytes, "deleted_ms": deleted_ms})
        ),
        false => {
            let deleted = if deleted_ms.is_some() { ", deleted" } else { "" };
            format!("{last_entry:>10} {log_entries:>12} {log_bytes:>12} {snapshot_bytes:>12}  {name:?}{deleted}\n")
        }
    }
}

fn inspect_blob(args: &InspectArgs) -> Result<(), Failure> {
    let blob = read_blob(&args.file)?;
    let decoded = decode(&args.file, &blob)?;
    let mut about = match &decoded {
        Blob::Delta(delta) => json!({
            "blob": if delta.complete { "snapshot" } else { "delta" },
            "leaves": delta.leaves.len(),
            "dots": delta.dots.len(),
            "deletes": delta.deletes.len(),
            "writers": delta.version.iter().count(),
            "events": events(&delta.version),
        }),
        Blob::Batch(batch) => {
            json!({"blob": "batch", "writer": batch.writer.to_string(), "events": batch.ops.len()})
        }
        Blob::Handover(_) => json!({"blob": "handover"}),
        Blob::Round(_) => json!({"blob": "round of retirement"}),
        _ => json!({"blob": "something newer"}),
    };
    about["bytes"] = blob.len().into();
    if matches!(&decoded, Blob::Delta(delta) if delta.complete) {
        about["digest"] = restored(&args.file, &blob)?.digest().to_string().into();
    }
    print(&mut std::io::stdout().lock(), shown(&about, args.json).as_bytes())
}

fn shown(about: &Value, json: bool) -> String {
    if json {
        return format!("{about}\n");
    }
    let fields = about.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| format!("{name} {}\n", value.as_str().map_or(value.to_string(), str::to_owned)))
        .collect()
}

/// Reads everything as a relay would; fails if anything is not sound.
pub(super) fn verify(args: VerifyArgs) -> Result<(), Failure> {
    let Some(path) = StoreFile::at(&args.file) else {
        let blob = read_blob(&args.file)?;
        let complete = matches!(decode(&args.file, &blob)?, Blob::Delta(delta) if delta.complete);
        if complete {
            restored(&args.file, &blob)?;
        }
        println!("{}: sound, {} bytes", args.file.display(), blob.len());
        return Ok(());
    };
    let mut store = StoreFile::open(&path)?;
    let mut problems = store.damage()?;
    let (mut rooms, mut entries) = (0_u64, 0_u64);
    let listed = store.each_room(|store, room| {
        rooms += 1;
        entries += room.log_entries;
        problems.extend(check_room(store, &room.name).err());
        Ok::<(), Failure>(())
    });
    problems.extend(listed.err().map(|error| error.to_string()));
    problems.iter().for_each(|problem| eprintln!("{problem}"));
    if !problems.is_empty() {
        let (path, count) = (path.display(), problems.len());
        return Err(Failure::Failed(format!("{path} has {count} problems. Restore it from a backup.")));
    }
    println!("{}: sound, {rooms} rooms, {entries} log entries", path.display());
    Ok(())
}

/// Loads a room as the relay does, and checks that a snapshot of it comes to the same.
fn check_room(store: &mut StoreFile, name: &str) -> Result<(), String> {
    let saved = store.load(name).map_err(|error| error.to_string())?;
    if let Some(document) = from_stored(name) {
        return yjs::verify(&saved).map_err(|what| format!("document {document:?} of Yjs: {what}"));
    }
    let room = rebuild(name, 1, &saved).map_err(|error| error.to_string())?.room;
    let wrong = |what: String| format!("room {name:?}: {what}");
    room.doc().check().map_err(wrong)?;
    let mut copy = Doc::new(new_replica_id());
    copy.import(&room.snapshot()).map_err(|error| wrong(error.to_string()))?;
    if copy.digest() != room.doc().digest() {
        return Err(wrong("a snapshot of it has another digest".into()));
    }
    for entry in store.kept_versions(name).map_err(|error| error.to_string())? {
        let kept = store.load_version(name, entry).map_err(|error| error.to_string())?.unwrap_or_default();
        document(name, &kept).map_err(|error| format!("version {entry}: {error}"))?;
    }
    Ok(())
}

fn read_blob(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed =
        |reason: String| Failure::Failed(format!("cannot read {}: {reason}. Give another file.", path.display()));
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > IMPORT_BYTES {
        return Err(failed(format!("it has {size} bytes, which is too much")));
    }
    std::fs::read(path).map_err(|error| failed(error.to_string()))
}

fn decode(path: &Path, blob: &[u8]) -> Result<Blob, Failure> {
    Blob::decode(blob).map_err(|error| damaged(path, &error.to_string()))
}

fn restored(path: &Path, blob: &[u8]) -> Result<Doc, Failure> {
    let mut doc = Doc::new(new_replica_id());
    doc.import(blob).map_err(|error| damaged(path, &error.to_string()))?;
    doc.check().map_err(|error| damaged(path, &error))?;
    Ok(doc)
}

fn damaged(path: &Path, reason: &str) -> Failure {
    let path = path.display();
    Failure::Failed(format!("{path} is neither a store nor a sound blob: {reason}. Restore it from a backup."))
}

fn events(version: &VersionVector) -> u64 {
    version.iter().map(|(_, last)| last).sum()
}
