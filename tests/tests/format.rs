//! The bytes of blobs: their sizes, what later versions may add, and the files of version 1 that every build reads.

use syncline::bytes::{DecodeError, SmallBytes};
use syncline::clock::{Floor, Hlc, ReplicaId, VersionVector};
use syncline::crdt::{Key, Kind, Path, Value};
use syncline::delta::{Blob, Delta, DotRow, LeafRow};
use syncline::doc::Doc;
use syncline_tests::corpus::reseal;
use syncline_tests::format::{describe, golden_folder, unhex};

const NOW: u64 = 1_700_000_000_000;

fn doc(random: u128) -> Doc {
    Doc::new(ReplicaId::new(NOW, random))
}

fn set(doc: &mut Doc, at: &str, value: i64) {
    let path = Path::from_segments(at.split('/'));
    doc.transact(NOW + 250_000, None, |doc| doc.set(&path, Value::Int(value))).expect("a valid edit");
}

/// The bytes of an id: nothing can name an event without them.
const ID: usize = 16;

/// Path and value as they are when nothing is around them: the name, and a byte for a small integer.
const CONTENT: usize = "temperature".len() + 1;

#[test]
fn one_event_on_its_own_takes_thirteen_bytes_beside_its_id_path_and_value() {
    let mut a = doc(u128::MAX / 3);
    let before = a.version();
    set(&mut a, "temperature", 7);
    let blob = a.export_from(&before);
    assert!(matches!(Blob::decode(&blob), Ok(Blob::Batch(_))));
    let snapshot = a.export();
    println!("{} bytes as an event, {} as a snapshot", blob.len() - CONTENT, snapshot.len() - CONTENT);
    assert!(blob.len() <= CONTENT + ID + 13, "{} bytes", blob.len() - CONTENT);
    assert!(snapshot.len() <= CONTENT + ID + 20, "{} bytes", snapshot.len() - CONTENT);
    // An event that replaces another one names it in three bytes; a fourth is the counter of the same millisecond.
    let before = a.version();
    set(&mut a, "temperature", 8);
    let blob = a.export_from(&before);
    assert!(blob.len() <= CONTENT + ID + 13 + 4, "{} bytes", blob.len() - CONTENT);
}

#[test]
fn a_hundred_leaves_take_at_most_eight_bytes_each_beside_path_and_value() {
    let mut a = doc(u128::MAX / 3);
    let mut random = 7u64;
    let (mut content, before) = (0, a.version());
    for index in 0..100u64 {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        // No class of key fits these, so they are spelled out.
        let (key, value) = (format!("~{random:X}!"), (random >> 40) as i64);
        content += key.len() + Value::Int(value).to_cbor().len();
        let path = Path::from_segments(["users", &key]);
        // Transactions of their own, some milliseconds apart.
        a.transact(NOW + index * 37 + random % 31, None, |doc| doc.set(&path, Value::Int(value))).expect("an edit");
    }
    let overhead = a.export_from(&before).len() as i64 - content as i64;
    println!("{} bytes a leaf", overhead as f64 / 100.0);
    assert!(overhead <= 100 * 8, "{overhead} bytes for 100 leaves");
}

#[test]
fn an_export_is_an_event_only_for_who_lacks_nothing_else() {
    let (mut a, mut b) = (doc(1), doc(2));
    set(&mut b, "y", 1);
    a.import(&b.export()).expect("a snapshot");
    let (alone, both) = (VersionVector::default(), a.version());
    set(&mut a, "x", 1);
    assert!(matches!(Blob::decode(&a.export_from(&both)), Ok(Blob::Batch(_))));
    assert!(matches!(Blob::decode(&a.export_from(&alone)), Ok(Blob::Delta(_))));
    let with_x = a.version();
    set(&mut b, "z", 1);
    a.import(&b.export()).expect("a snapshot");
    // What came from others later does not stand in the way for who has it.
    let mut all = a.version();
    assert!(matches!(Blob::decode(&a.export_from(&with_x)), Ok(Blob::Delta(_))));
    all = all.iter().filter(|(id, _)| *id != a.id()).collect();
    let blob = a.export_from(&all);
    assert!(matches!(Blob::decode(&blob), Ok(Blob::Batch(_))));
    b.import(&blob).expect("an event");
    assert_eq!((a.version(), a.digest()), (b.version(), b.digest()));
}

/// A blob with more behind its body.
fn extended(blob: &[u8], more: &[u8]) -> Vec<u8> {
    let mut longer = blob[..blob.len() - 4].to_vec();
    longer.extend(more);
    longer.extend([0; 4]);
    reseal(&mut longer);
    longer
}

#[test]
fn an_unknown_column_is_passed_over() {
    let mut a = doc(1);
    set(&mut a, "x", 1);
    set(&mut a, "y/z", 2);
    let blob = a.export();
    let more = extended(&blob, &[40, 3, 1, 2, 3, 62, 0]);
    assert_eq!(Blob::decode(&more), Blob::decode(&blob));
    let mut b = doc(2);
    b.import(&more).expect("a blob with columns of a later version");
    assert_eq!(b.digest(), a.digest());
    assert_eq!(Blob::decode(&extended(&blob, &[41, 9, 1])), Err(DecodeError::Truncated));
    assert!(Blob::decode(&extended(&blob, &[40, 0].repeat(65))).is_err(), "without a bound");
}

#[test]
fn a_newer_version_is_named_and_refused() {
    let mut newer = doc(1).export();
    newer[1] = 0x20;
    reseal(&mut newer);
    let error = Blob::decode(&newer).expect_err("a later version");
    assert_eq!(error, DecodeError::Version(2));
    assert!(error.to_string().contains("update Syncline"));
    assert_eq!(Blob::decode(b"PK\x03\x04 and more"), Err(DecodeError::Magic));
    newer[1] = 0x1f;
    reseal(&mut newer);
    assert!(matches!(Blob::decode(&newer), Err(DecodeError::Range(_))));
}

fn id(birth_ms: u64, random: u128) -> ReplicaId {
    ReplicaId::new(birth_ms, random)
}

#[test]
fn deltas_come_back_with_since_floor_horizons_and_retired_writers() {
    let mut version: VersionVector = [(id(50, 1), 9), (id(60, 2), 1 << 40)].into_iter().collect();
    version.set_horizon(55);
    let mut since: VersionVector = [(id(20, 7), 3), (id(50, 1), 4)].into_iter().collect();
    since.set_horizon(15);
    let mut floor = Floor::default();
    floor.insert(id(50, 1), 2);
    floor.set_horizon(40);
    let key = |name: &str| Key::new(&Path::from_segments([name]), Kind::REGISTER);
    let value = |n: u8| Some((Hlc::new(NOW, n.into()), SmallBytes::new(&[n])));
    let mut delta = Delta {
        complete: true,
        since,
        version,
        floor,
        retired: vec![id(10, 5), id(20, 7)],
        memory: Default::default(),
        promise: None,
        leaves: vec![LeafRow { key: key("a"), dots: 2 }, LeafRow { key: key("b"), dots: 2 }],
        dots: vec![
            DotRow { writer: 0, seq: 4, value: None },
            DotRow { writer: 1, seq: 5, value: value(1) },
            DotRow { writer: 2, seq: 8, value: None },
            DotRow { writer: 3, seq: 4, value: value(2) },
        ],
        deletes: vec![(key("c"), 0, 6)],
    };
    assert_eq!(Delta::decode(&delta.encode()), Ok(delta.clone()));
    let bytes = delta.encode();
    assert!((0..bytes.len()).all(|cut| Delta::decode(&bytes[..cut]).is_err()));
    // A writer that is neither listed nor retired.
    delta.retired[0] = id(56, 5);
    assert!(matches!(Delta::decode(&delta.encode()), Err(DecodeError::Range(_))));
}

#[test]
fn the_files_of_version_1_are_read_for_ever() {
    let listing = std::fs::read_dir(golden_folder()).expect("the folder of golden files");
    let mut seen = 0;
    for file in listing.map(|entry| entry.expect("a file").path()) {
        let text = std::fs::read_to_string(&file).expect("a golden file");
        let golden: serde_json::Value = serde_json::from_str(&text).expect("golden files are JSON");
        let blob = unhex(golden["blob"].as_str().expect("bytes")).expect("hexadecimal digits");
        assert_eq!(describe(&blob).as_ref(), Ok(&golden["says"]), "{}", file.display());
        seen += 1;
        let Some(digest) = golden["says"]["digest"].as_str() else { continue };
        let mut doc = doc(99);
        doc.import(&blob).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(doc.digest().to_string(), digest, "{}", file.display());
    }
    assert!(seen >= 6, "only {seen} golden files");
}
