//! A disk that is full or fails: writes are refused and said to be, reads go on, nothing acknowledged is lost, and when the
//! disk is well again the same relay goes on without a restart.

use std::path::{Path as FilePath, PathBuf};
use std::process::Command;

use syncline::crdt::Value;
use syncline::replica::AckLevel;

use crate::common::*;

/// A disk whose faults are switched by writing into a file.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Disk {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("fault.so");
        let source = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/relay/fault.c");
        let mut compiler = Command::new("cc");
        let built = compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
        assert!(built.expect("a C compiler is there, as for Rust itself").success());
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let disk = Disk { folder };
        disk.set("");
        disk
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn set(&self, fault: &str) {
        std::fs::write(self.folder.path().join("fault"), fault).unwrap();
    }

    fn start(&self, listen: &str) -> Relay {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let environment =
            [("LD_PRELOAD", path("fault.so")), ("TEST_FAULT", path("fault")), ("TEST_FAULT_DIR", path("data"))];
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
        Relay::start_with(&self.data(), listen, &environment)
    }
}

/// Writes before, during and after a fault, then kills the relay and looks what it has.
async fn survives(fault: &str) {
    let disk = Disk::new();
    let relay = disk.start("127.0.0.1:0");
    let address = relay.address.to_string();
    let (ada, bob) = (synced(&relay.url(), "board").await, synced(&relay.url(), "board").await);
    for number in 0..20 {
        set(&ada, &format!("before{number}"), number);
    }
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();

    disk.set(fault);
    set(&ada, "during", 1);
    until("a typed error", || ada.last_complaint().is_some_and(|told| told.contains("cannot store writes"))).await;
    let refused = tokio::time::timeout(std::time::Duration::from_secs(2), ada.acked(AckLevel::Durable)).await;
    assert!(refused.is_err(), "acknowledged as durable by a disk that takes nothing");
    // Reads go on: of those who are connected, and of whoever comes.
    assert_eq!(get(&bob, "before7"), Some(Value::Int(7)));
    let late = synced(&relay.url(), "board").await;
    assert_eq!(get(&late, "before19"), Some(Value::Int(19)));
    // Whoever only reads is left alone, however often writers come back.
    let mut reader = Raw::join(relay.address, "board").await;
    let left = tokio::time::timeout(std::time::Duration::from_secs(3), reader.read_to_end()).await;
    assert!(left.is_err(), "{left:?}");

    disk.set("");
    within("durable acks of what had been refused", ada.acked(AckLevel::Durable)).await.unwrap();
    set(&ada, "after", 2);
    within("durable acks", ada.acked(AckLevel::Durable)).await.unwrap();
    let expected = ada.read(|doc| doc.digest());
    relay.kill();

    let again = disk.start(&address);
    let fresh = synced(&again.url(), "board").await;
    assert_eq!((get(&fresh, "during"), get(&fresh, "after")), (Some(Value::Int(1)), Some(Value::Int(2))));
    assert_eq!(fresh.read(|doc| doc.digest()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    survives("full").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_refuses_writes_and_loses_nothing() {
    survives("sync").await;
}
