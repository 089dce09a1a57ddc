//! The store alone: order, group commit, crash, full disk, damage.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use syncline_server::config::{HistoryConfig, StoreConfig};
use syncline_server::store::{FILE_NAME, LoadError, OpenError, Report, Saved, Store};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

fn open(folder: &Path) -> Store {
    Store::open(folder, &StoreConfig::default()).expect("the store opens")
}

fn open_error(folder: &Path) -> OpenError {
    Store::open(folder, &StoreConfig::default()).expect_err("the store refuses to open")
}

fn blob(id: u64) -> Vec<u8> {
    format!("entry {id}").into_bytes()
}

async fn next(reports: &mut UnboundedReceiver<Report>) -> Report {
    tokio::time::timeout(Duration::from_secs(20), reports.recv())
        .await
        .expect("a report in time")
        .expect("the store runs")
}

async fn durable(reports: &mut UnboundedReceiver<Report>, id: u64) {
    loop {
        match next(reports).await {
            Report::Durable { upto } if upto >= id => return,
            Report::Durable { .. } | Report::Compacted { .. } => {}
            other => panic!("{other:?} instead of durable {id}"),
        }
    }
}

/// Writes the entries and waits until they are on the disk.
async fn write(store: &Store, room: &str, ids: std::ops::RangeInclusive<u64>) {
    let room: Arc<str> = room.into();
    let (sender, mut reports) = unbounded_channel();
    let last = *ids.end();
    for id in ids {
        store.append(&room, id, blob(id), &sender).await;
    }
    durable(&mut reports, last).await;
}

async fn load(store: &Store, room: &str) -> Saved {
    store.load(&room.into()).await.expect("the room loads")
}

#[tokio::test]
async fn queued_entries_share_commits_and_are_reported_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut rooms = Vec::new();
    for name in ["a", "b", "c"] {
        let (sender, reports) = unbounded_channel();
        rooms.push((Arc::<str>::from(name), sender, reports));
    }
    // While another connection holds the write lock, the first commit waits and the rest queues up behind it.
    let blocker = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    for id in 1..=400 {
        for (room, sender, _) in &rooms {
            store.append(room, id, blob(id), sender).await;
        }
    }
    assert!(store.queued_bytes() > 1200 * 7);
    assert!(rooms.iter_mut().all(|(_, _, reports)| reports.try_recv().is_err()), "reported before the commit");
    blocker.execute_batch("COMMIT").unwrap();
    for (_, _, reports) in &mut rooms {
        let mut last = 0;
        while last < 400 {
            let Report::Durable { upto } = next(reports).await else { panic!("a write failed") };
            assert!(upto > last, "{upto} after {last}");
            last = upto;
        }
    }
    store.flush().await;
    let stats = store.stats();
    assert_eq!(stats.entries, 1200);
    assert!(stats.commits <= 3, "{} commits for 1200 entries", stats.commits);
    assert_eq!(store.queued_bytes(), 0);
}

#[tokio::test]
async fn snapshot_and_log_come_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, "room", 1..=10).await;
    let (sender, mut reports) = unbounded_channel();
    store.compact(&"room".into(), 7, b"snapshot".to_vec(), None, &sender).await;
    assert_eq!(next(&mut reports).await, Report::Compacted { upto: 7 });
    write(&store, "room", 11..=11).await;
    store.close().await;
    assert!(!store.is_running());
    drop(store);

    let saved = load(&open(folder.path()), "room").await;
    assert_eq!(saved.snapshot, Some((7, b"snapshot".to_vec())));
    assert_eq!(saved.log, (8..=11).map(|id| (id, blob(id))).collect::<Vec<_>>());
    assert_eq!(saved.last_id(), 11);
}

#[tokio::test]
async fn what_was_reported_durable_is_in_the_files_of_a_running_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, "room", 1..=50).await;
    // What a killed process leaves behind: its files as they are now.
    let copy = tempfile::tempdir().unwrap();
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal")] {
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
    }
    assert_eq!(load(&open(copy.path()), "room").await.last_id(), 50);
}

#[tokio::test]
async fn an_entry_out_of_order_is_refused_and_harms_no_other_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, "room", 1..=2).await;
    let (sender, mut reports) = unbounded_channel();
    store.append(&"room".into(), 4, blob(4), &sender).await;
    let Report::Failed { from: 4, reason } = next(&mut reports).await else { panic!("entry 4 was taken") };
    assert!(reason.contains("entry 4") && reason.contains("entry 2"), "{reason}");
    write(&store, "other", 1..=1).await;
    write(&store, "room", 3..=3).await;
    assert_eq!(load(&store, "room").await.last_id(), 3);
}

#[tokio::test]
async fn one_room_s_failure_within_a_shared_commit_does_not_fail_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (good, bad): (Arc<str>, Arc<str>) = ("good".into(), "bad".into());
    let (good_sender, mut good_reports) = unbounded_channel();
    let (bad_sender, mut bad_reports) = unbounded_channel();
    for id in 1..=200 {
        store.append(&good, id, blob(id), &good_sender).await;
        store.append(&bad, id * 2, blob(id), &bad_sender).await;
    }
    durable(&mut good_reports, 200).await;
    assert!(matches!(next(&mut bad_reports).await, Report::Failed { from: 2, .. }));
    assert_eq!(load(&store, "good").await.log.len(), 200);
    assert_eq!(load(&store, "bad").await, Saved::default());
}

#[tokio::test]
async fn a_full_database_fails_the_write_and_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig { max_bytes: 256 * 1024, ..StoreConfig::default() };
    let store = Store::open(folder.path(), &config).unwrap();
    let room: Arc<str> = "room".into();
    let (sender, mut reports) = unbounded_channel();
    let mut acknowledged = 0;
    let failed = loop {
        store.append(&room, acknowledged + 1, vec![7; 10_000], &sender).await;
        match next(&mut reports).await {
            Report::Durable { upto } => acknowledged = upto,
            Report::Failed { from, reason } => break (from, reason),
            other => panic!("{other:?}"),
        }
    };
    assert!((5..60).contains(&acknowledged), "{acknowledged} entries fitted");
    assert_eq!(failed.0, acknowledged + 1);
    assert!(failed.1.contains("full"), "{}", failed.1);
    assert_eq!(load(&store, "room").await.last_id(), acknowledged);

    // A snapshot takes the place of its log, so a full database can be relieved.
    store.compact(&room, acknowledged, vec![1; 1000], None, &sender).await;
    assert_eq!(next(&mut reports).await, Report::Compacted { upto: acknowledged });
    store.append(&room, acknowledged + 1, vec![7; 10_000], &sender).await;
    assert_eq!(next(&mut reports).await, Report::Durable { upto: acknowledged + 1 });
}

#[tokio::test]
async fn history_makes_way_for_writes_when_the_database_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig { max_bytes: 256 * 1024, ..StoreConfig::default() };
    let store = Store::open(folder.path(), &config).unwrap();
    let history = HistoryConfig { every_seconds: 0, versions: 1_000, ..HistoryConfig::default() };
    let room: Arc<str> = "room".into();
    let (sender, mut reports) = unbounded_channel();
    for id in 1..=60 {
        store.append(&room, id, vec![7; 10_000], &sender).await;
        assert_eq!(next(&mut reports).await, Report::Durable { upto: id });
        store.compact(&room, id, vec![id as u8; 10_000], Some(history.clone()), &sender).await;
        assert_eq!(next(&mut reports).await, Report::Compacted { upto: id });
    }
    let versions = store.versions("room", 1_000).await.unwrap();
    let entries: Vec<u64> = versions.iter().map(|version| version.entry).collect();
    // The newest are there without a gap, and the oldest have gone.
    assert!((4..25).contains(&entries.len()), "{entries:?}");
    assert!(entries.iter().zip((1..=60).rev()).all(|(entry, expected)| *entry == expected), "{entries:?}");
    let kept = store.load_version("room", 58).await.unwrap().unwrap();
    assert_eq!(kept.snapshot, Some((58, vec![58; 10_000])));
    assert!(store.takes_writes());
}

#[tokio::test]
async fn a_closed_store_fails_writes_instead_of_losing_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.close().await;
    let (sender, mut reports) = unbounded_channel();
    store.append(&"room".into(), 1, blob(1), &sender).await;
    assert!(matches!(next(&mut reports).await, Report::Failed { from: 1, .. }));
}

#[tokio::test]
async fn a_hole_in_the_log_is_an_error_not_an_empty_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, "room", 1..=5).await;
    store.close().await;
    drop(store);
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    database.execute("DELETE FROM log WHERE id = 3", []).unwrap();
    drop(database);
    let error = open(folder.path()).load(&"room".into()).await.unwrap_err();
    assert!(matches!(error, LoadError::Missing { before: 2, after: 4, .. }), "{error}");
}

#[tokio::test]
async fn damaged_foreign_and_newer_databases_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }) && error.to_string().contains("backup"), "{error}");

    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(x)").unwrap();
    assert!(matches!(open_error(folder.path()), OpenError::Foreign { .. }));

    std::fs::remove_file(&path).unwrap();
    open(folder.path()).close().await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(open_error(folder.path()), OpenError::Version { found: 99, .. }));
}

#[tokio::test]
async fn a_damaged_page_is_found_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, "room", 1..=2000).await;
    store.close().await;
    drop(store);
    let path = folder.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn two_relays_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path());
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::InUse { .. }) && error.to_string().contains("--data"), "{error}");
}
