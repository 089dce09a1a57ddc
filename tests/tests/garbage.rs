//! A million damaged blobs and frames: no panic, no memory beyond what the input justifies, typed errors, and nobody
//! else notices.
//!
//! The damage starts from what real clients and a real relay exchanged. A crasher, once found, is kept as a file in
//! `tests/crashers/` (`blob-*`, `to-relay-*`, `to-client-*`) and tried first. `SYNCLINE_SEED` selects another sequence.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use syncline::bounds;
use syncline::clock::ReplicaId;
use syncline::crdt::{Path, Value};
use syncline::doc::Doc;
use syncline::link::Message;
use syncline::replica::{Input, Replica, Room, State};
use syncline_tests::corpus::{damaged, reseal, sample};
use syncline_tests::hostile::{Harmed, NOON, config, connect, drain, greeted, room_config};
use syncline_tests::rng::{Rng, panic_text, seeds};
use syncline_tests::sim::run::Simulation;

/// Blobs into documents, frames into links alone, frames into clients, frames into rooms: a million in all.
const BLOBS: usize = 400_000;
const LINK_FRAMES: usize = 200_000;
const CLIENT_FRAMES: usize = 200_000;
const ROOM_FRAMES: usize = 200_000;

/// Inputs until the target is replaced, so that what was validly taken in does not add up.
const ROUND: usize = 500;

/// What one input may take while it is worked on: the free allowance of the decoder, the allowance per byte, and what
/// the target holds already (a document may be copied once for the answer).
fn allowance(input: usize, held: usize) -> usize {
    2 * bounds::FREE_BYTES + bounds::EXPANSION * input + 2 * held
}

#[test]
fn damaged_blobs_are_refused_without_harm() {
    let captured = sample(&captured().blobs, 400);
    let base = captured.iter().max_by_key(|blob| blob.len()).expect("blobs were captured").clone();
    let mut rng = Rng::new(seeds(1)[0]);
    let (mut doc, mut held) = fresh_doc(&base);
    let mut inputs = kept("blob-").into_iter();
    let mut refused = 0;
    for number in 0..BLOBS {
        let blob = inputs.next().unwrap_or_else(|| {
            let mut blob = damaged(&captured, &mut rng);
            if rng.chance(85) {
                reseal(&mut blob);
            }
            blob
        });
        let before = (doc.version(), doc.digest(), doc.stats());
        let result = guarded("blob", &blob, allowance(blob.len(), held), || doc.import(&blob));
        if let Err(error) = result {
            refused += 1;
            assert!(!error.to_string().is_empty());
            assert!(
                before == (doc.version(), doc.digest(), doc.stats()),
                "a refused blob left a trace: {}",
                hex(&blob)
            );
        }
        if number % ROUND == 0 {
            guarded("blob", &blob, usize::MAX, || doc.check())
                .unwrap_or_else(|problem| panic!("{problem}: {}", hex(&blob)));
            guarded("blob", &blob, usize::MAX, || doc.view(&Path::root()));
            let export = doc.export();
            Doc::new(ReplicaId::new(NOON, 2))
                .import(&export)
                .unwrap_or_else(|error| panic!("own export refused: {error}"));
            (doc, held) = fresh_doc(&base);
        }
    }
    println!("{BLOBS} blobs, {refused} refused");
    assert!(refused > BLOBS / 2 && refused < BLOBS, "the damage is too weak or too strong: {refused} refused");
}

#[test]
fn damaged_frames_do_not_harm_a_link() {
    let captured = captured();
    let sides = [(sample(&captured.to_relay, 400), "to-relay-"), (sample(&captured.to_client, 400), "to-client-")];
    let mut rng = Rng::new(seeds(2)[0]);
    for (frames, prefix) in sides {
        let mut inputs = kept(prefix).into_iter();
        let mut link = greeted(prefix == "to-relay-");
        for number in 0..LINK_FRAMES / 2 {
            let frame = inputs.next().unwrap_or_else(|| damaged(&frames, &mut rng));
            // Fragments add up to a message, which is bounded; here none is near the bound.
            let result = guarded(prefix, &frame, allowance(ROUND * frame.len(), 0), || link.handle_frame(&frame, NOON));
            if let Err(error) = result {
                assert!(!error.to_string().is_empty() && error.close_code() >= 4400);
                link = greeted(prefix == "to-relay-");
            } else if number % ROUND == 0 {
                link = greeted(prefix == "to-relay-");
            }
            while link.poll_frame().is_some() {}
        }
    }
}

#[test]
fn damaged_frames_do_not_harm_a_client() {
    let frames = sample(&captured().to_client, 400);
    let mut rng = Rng::new(seeds(3)[0]);
    let mut inputs = kept("to-client-").into_iter();
    let (mut room, mut client, mut lived) =
        (Room::new(room_config(1)), Replica::new(config(), Doc::new(ReplicaId::new(NOON, 3))), 0);
    connect(&mut client, &mut room);
    for number in 0..CLIENT_FRAMES {
        let frame = inputs.next().unwrap_or_else(|| damaged(&frames, &mut rng));
        guarded("to-client-", &frame, allowance(ROUND * frame.len(), client.doc().save().len() * 16), || {
            client.handle(Input::Frame(&frame), NOON);
            drain(&mut client);
        });
        lived += usize::from(client.status().state == State::Live);
        if client.status().state != State::Live || number % ROUND == 0 {
            client.doc().check().unwrap_or_else(|problem| panic!("{problem}: {}", hex(&frame)));
            room = Room::new(room_config(1));
            client = Replica::new(config(), Doc::new(ReplicaId::new(NOON, 3)));
            connect(&mut client, &mut room);
        }
    }
    println!("{CLIENT_FRAMES} frames, {lived} left the client live");
}

#[test]
fn damaged_frames_do_not_harm_a_room_or_its_other_clients() {
    let frames = sample(&captured().to_relay, 400);
    let mut rng = Rng::new(seeds(4)[0]);
    let mut inputs = kept("to-relay-").into_iter();
    let mut harmed = Harmed::new();
    for number in 0..ROOM_FRAMES {
        let frame = inputs.next().unwrap_or_else(|| damaged(&frames, &mut rng));
        let held = harmed.held;
        guarded("to-relay-", &frame, allowance(4 * frame.len(), held), || harmed.attack(&frame));
        if number % 50 == 0 {
            harmed.healthy_edit(number as i64, &frame);
        }
        if number % ROUND == 0 {
            harmed.account(&frame);
            harmed = Harmed::new();
        }
    }
}

#[test]
fn a_client_cannot_write_in_the_name_of_another_that_is_here() {
    let mut harmed = Harmed::new();
    harmed.healthy_edit(1, &[]);
    // A second document under the honest client's id, further ahead than the honest one.
    let mut forged = Doc::new(harmed.healthy.doc().id());
    for number in 0..5 {
        forged
            .transact(NOON, None, |doc| doc.set(&Path::from_segments(["forged"]), Value::Int(number)))
            .expect("a valid edit");
    }
    // The honest client has written, too, but its frame comes second.
    let write = |doc: &mut Doc| doc.set(&Path::from_segments(["honest"]), Value::Int(1));
    harmed.healthy.doc_mut().transact(NOON, None, write).expect("a valid edit");
    let body = forged.delta_since(&Default::default()).encode();
    for frame in (Message::Delta { alias: 1, body }).encode() {
        harmed.receive(harmed.hostile, &frame);
        harmed.settle();
        harmed.healthy_edit(2, &frame);
        harmed.account(&frame);
    }
    assert_eq!(harmed.room.doc().get(&Path::from_segments(["honest"])), Some(Value::Int(1)));
    assert_eq!(harmed.room.doc().get(&Path::from_segments(["forged"])), None);
}

/// Runs `work` on an input: a panic or too much memory names the input, so that it can be kept.
fn guarded<T>(kind: &str, input: &[u8], bound: usize, work: impl FnOnce() -> T) -> T {
    PEAK.set(0);
    LIVE.set(0);
    let result = catch_unwind(AssertUnwindSafe(work));
    let peak = PEAK.get();
    match result {
        Err(panic) => {
            panic!("{kind}: {} bytes make it panic ({}); keep them: {}", input.len(), panic_text(&*panic), hex(input))
        }
        Ok(_) if usize::try_from(peak).is_ok_and(|peak| peak > bound) => {
            panic!("{kind}: {} bytes take {peak} bytes, more than {bound}: {}", input.len(), hex(input))
        }
        Ok(result) => result,
    }
}

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Counts what each thread holds and the most it has held.
struct Counting;

// SAFETY: every call is passed on unchanged; counting touches thread-local cells only, which allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(by: isize) {
    // At the end of a thread the cells may be gone; nothing is counted then.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + by);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

fn captured() -> syncline_tests::sim::run::Captured {
    Simulation::new(11).capture(600).expect("the simulation runs")
}

/// Files that once caused harm.
fn kept(prefix: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crashers");
    let listing = std::fs::read_dir(folder).expect("the folder of crashers exists");
    let files = listing.filter_map(|entry| Some(entry.ok()?.path()));
    let named = files.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    named.map(|path| std::fs::read(path).expect("a crasher is readable")).collect()
}

fn fresh_doc(base: &[u8]) -> (Doc, usize) {
    let mut doc = Doc::new(ReplicaId::new(NOON, 1));
    doc.import(base).expect("the captured blob is sound");
    (doc, 64 * base.len())
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
