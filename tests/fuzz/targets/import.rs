//! Blobs with the right checksum into a document with content: refused without a trace, or joined with all invariants.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::doc::{Doc, EditError};
use syncline_tests::corpus::reseal;
use syncline_tests::hostile::NOON;

fuzz_target!(|data: &[u8]| {
    let mut doc = Doc::new(ReplicaId::new(NOON, 1));
    doc.transact(NOON, None, fill).expect("a valid edit");
    let mut blob = data.to_vec();
    reseal(&mut blob);
    let before = (doc.version(), doc.digest(), doc.stats());
    match doc.import(&blob) {
        Ok(_) => {
            doc.check().expect("the invariants hold");
            doc.view(&Path::root());
            let mut copy = Doc::new(ReplicaId::new(NOON, 2));
            copy.import(&doc.export()).expect("an own export is sound");
            assert_eq!(copy.digest(), doc.digest());
        }
        Err(_) => assert!(before == (doc.version(), doc.digest(), doc.stats()), "a refused blob left a trace"),
    }
});

fn fill(doc: &mut Doc) -> Result<(), EditError> {
    let path = |name| Path::from_segments([name]);
    doc.set(&path("a"), Value::Int(1))?;
    doc.set_add(&path("s"), Value::Int(2))?;
    doc.counter_add(&path("c"), 3)?;
    doc.set(&path("b"), Value::Null)?;
    doc.delete(&path("b")).map(drop)
}
