//! SIGKILL at any moment: what was acknowledged as durable is there, and the clients go on.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syncline::clock::VersionVector;
use syncline::replica::{AckLevel, Room, RoomConfig};
use syncline_server::client::{Client, new_replica_id};
use syncline_server::config::StoreConfig;
use syncline_server::store::Store;

use crate::common::*;

const KILLS: u64 = 10;
const CLIENTS: usize = 3;

/// What is on the disk, read without the relay.
async fn stored_version(data: &FilePath) -> VersionVector {
    let store = Store::open(data, &StoreConfig::default()).unwrap();
    let saved = store.load(&"board".into()).await.unwrap();
    let mut room = Room::new(RoomConfig { name: "board".into(), alias: 1, id: new_replica_id(), next_persist: 1 });
    for blob in saved.snapshot.iter().chain(&saved.log).map(|(_, blob)| blob) {
        room.restore(blob).unwrap();
    }
    store.close().await;
    room.doc().version()
}

/// Writes until told to stop.
async fn write(client: Arc<Client>, number: usize, stop: Arc<AtomicBool>) -> i64 {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        set(&client, &format!("{number}/{}", count % 50), count);
        count += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_as_durable_is_lost_by_kills() {
    let data = tempfile::tempdir().unwrap();
    let settings = [("SYNCLINE_ROOM__COMPACT_ENTRIES", "100")];
    let mut relay = Relay::start_with(data.path(), "127.0.0.1:0", &settings);
    let address = relay.address.to_string();
    let clients: Vec<Arc<Client>> = (0..CLIENTS).map(|_| Arc::new(client(&relay.url(), "board"))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = clients
        .iter()
        .enumerate()
        .map(|(number, client)| tokio::spawn(write(client.clone(), number, stop.clone())))
        .collect();
    let mut checked = 0;
    for round in 0..KILLS {
        for client in &clients {
            within("the clients to be back", client.synced()).await.unwrap();
        }
        // Another moment in each round, from right after the start to the midst of compactions.
        tokio::time::sleep(Duration::from_millis(round * 37 % 211)).await;
        relay.kill();
        let acknowledged: Vec<u64> = clients.iter().map(|client| client.acknowledged(AckLevel::Durable)).collect();
        let stored = stored_version(data.path()).await;
        for (client, acknowledged) in clients.iter().zip(&acknowledged) {
            let id = client.read(|doc| doc.id());
            assert!(
                stored.get(&id) >= *acknowledged,
                "kill {round}: {acknowledged} were acknowledged, {} are stored",
                stored.get(&id)
            );
        }
        checked += acknowledged.iter().sum::<u64>();
        relay = Relay::start_with(data.path(), &address, &settings);
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    for client in &clients {
        within("the last acks", client.acked(AckLevel::Durable)).await.unwrap();
    }
    let late = synced(&relay.url(), "board").await;
    let everyone: Vec<&Client> = clients.iter().map(Arc::as_ref).chain([&late]).collect();
    same_digest(&everyone).await;
    assert!(checked > 0 && written > 100, "{checked} acknowledgements checked, {written} writes");
}
