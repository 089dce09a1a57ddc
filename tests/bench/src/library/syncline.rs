use super::{Library, Sets};
use crate::data::Entry;
use std::sync::LazyLock;
use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::delta::{Batch, Blob, LiveDecoder, LiveEncoder};
use syncline::doc::{Doc, EditError, Origin};
use syncline::link::Message;

const NOW: u64 = 1_700_000_000_000;

/// Updates travel as frames on a link, or with `BLOBS` as blobs that stand on their own.
pub(crate) struct Syncline<const BLOBS: bool>;

// Kept, as the handles of other libraries are.
static MAP: LazyLock<Path> = LazyLock::new(|| Path::from_segments(["m"]));
static SET: LazyLock<Path> = LazyLock::new(|| Path::from_segments(["s"]));
static COUNTER: LazyLock<Path> = LazyLock::new(|| Path::from_segments(["c"]));

/// One transaction, `at` milliseconds into the run.
fn edit(doc: &mut Doc, at: usize, edit: impl FnOnce(&mut Doc) -> Result<(), EditError>) {
    doc.transact(NOW + at as u64, None, edit).expect("the data is within the limits");
}

/// Sends batches through the frames of a live stream.
#[derive(Default)]
struct Stream {
    encoder: LiveEncoder,
    decoder: LiveDecoder,
}

impl Stream {
    /// The length of the frame's head: one byte for the kind of message and one for the room.
    const HEAD: usize = 2;

    fn send(&mut self, batch: &Batch, to: &mut Doc) -> usize {
        let live = self.encoder.encode(batch);
        if let Some(announcement) = self.encoder.take_announcement() {
            self.decoder.learn(&announcement).expect("the announcement is our own");
        }
        let message = Message::Live { alias: 1, frames: vec![live] }.encode();
        let batch = self.decoder.decode(&message[0][Self::HEAD..]).expect("the frame is our own");
        to.apply(&batch, &Origin::Link).expect("nothing is missing");
        message[0].len()
    }
}

impl<const BLOBS: bool> Sets for Syncline<BLOBS> {
    type Doc = Doc;

    fn create(replica: u64) -> Doc {
        Doc::new(ReplicaId::new(NOW, u128::from(replica) << 64 | u128::from(crate::data::Random::new(replica).next())))
    }

    fn add_all(doc: &mut Doc, elements: &[String]) {
        edit(doc, 0, |doc| {
            elements.iter().try_for_each(|element| doc.set_add(&SET, Value::Str(element.clone())).map(drop))
        });
    }

    fn remove_all(doc: &mut Doc, elements: &[String]) {
        edit(doc, 0, |doc| {
            elements.iter().try_for_each(|element| doc.set_remove(&SET, &Value::Str(element.clone())).map(drop))
        });
    }

    fn has(doc: &Doc, element: &str) -> bool {
        doc.set_contains(&SET, &Value::Str(element.to_owned()))
    }

    fn set_len(doc: &Doc) -> usize {
        doc.set_len(&SET)
    }

    fn merge(left: &mut Doc, right: &mut Doc) {
        let (to_right, to_left) = (left.export_from(&right.version()), right.export_from(&left.version()));
        left.import(&to_left).expect("the delta is for this version");
        right.import(&to_right).expect("the delta is for this version");
    }
}

impl<const BLOBS: bool> Library for Syncline<BLOBS> {
    fn set_each(doc: &mut Doc, entries: &[Entry]) {
        for (at, (key, value)) in entries.iter().enumerate() {
            edit(doc, at, |doc| doc.set(&MAP.child(key), Value::Int(*value)));
        }
    }

    fn set_all(doc: &mut Doc, entries: &[Entry]) {
        edit(doc, 0, |doc| entries.iter().try_for_each(|(key, value)| doc.set(&MAP.child(key), Value::Int(*value))));
    }

    fn delete_each(doc: &mut Doc, entries: &[Entry]) {
        for (at, (key, _)) in entries.iter().enumerate() {
            edit(doc, entries.len() + at, |doc| doc.delete(&MAP.child(key)).map(drop));
        }
    }

    fn get(doc: &Doc, key: &str) -> Option<i64> {
        match doc.get(&MAP.child(key)) {
            Some(Value::Int(value)) => Some(value),
            _ => None,
        }
    }

    fn len(doc: &Doc) -> usize {
        doc.len(&MAP)
    }

    fn replicate(from: &mut Doc, to: &mut Doc, entries: &[Entry]) -> usize {
        from.keep_batches(true);
        let (mut stream, mut bytes) = (Stream::default(), 0);
        for (at, (key, value)) in entries.iter().enumerate() {
            edit(from, at, |doc| doc.set(&MAP.child(key), Value::Int(*value)));
            while let Some(batch) = from.take_batch() {
                bytes += if BLOBS {
                    let blob = Blob::encode_batch(&batch);
                    to.import(&blob).expect("nothing is missing");
                    blob.len()
                } else {
                    stream.send(&batch, to)
                };
            }
        }
        from.keep_batches(false);
        bytes
    }

    fn encode(doc: &mut Doc) -> Vec<u8> {
        doc.export()
    }

    fn load(replica: u64, bytes: &[u8]) -> Doc {
        let mut doc = Self::create(replica);
        doc.import(bytes).expect("the snapshot is our own");
        doc
    }

    fn count_each(doc: &mut Doc, times: usize) {
        (0..times).for_each(|at| edit(doc, at, |doc| doc.counter_add(&COUNTER, 1)));
    }

    fn count(doc: &Doc) -> i64 {
        doc.counter(&COUNTER)
    }

    fn import(doc: &mut Doc, state: &[u8]) {
        doc.import(state).expect("the snapshot is our own");
    }
}
