//! A reader that does not keep up costs bounded memory, is told so, and gets everything by coming back.

use syncline::crdt::Value;
use syncline::replica::AckLevel;

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_closed_with_4508_and_resyncs() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = config(data.path());
    settings.socket.queue_bytes = 1024 * 1024;
    let server = serve(settings).await;
    let url = url(server.address());
    let ada = synced(&url, "board").await;
    let mut slow = Raw::join(server.address(), "board").await;
    until("both connections", || server.relay().connections() == 2).await;
    // More than the sockets of both sides buffer, and the queue on top.
    for number in 0..160 {
        let value = Value::Bytes(vec![number as u8; 100_000]);
        ada.edit(None, |doc| doc.set(&path(&format!("k{number}")), value)).unwrap();
        within("acks", ada.acked(AckLevel::Accepted)).await.unwrap();
    }
    let (_, code) = slow.read_to_end().await;
    assert_eq!(code, 4508);

    // Others were not held up, and whoever comes back gets all of it.
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    let back = synced(&url, "board").await;
    same_digest(&[&ada, &back]).await;
    assert_eq!(back.read(|doc| doc.len(&syncline::crdt::Path::root())), 160);
    server.drain().await;
}
