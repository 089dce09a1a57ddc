//! What other systems got wrong, each as a test; damaged bytes; and the decisions that all languages share.

use syncline::clock::{Causality, Dot, Hlc, HlcClock, ReplicaId, VersionVector};
use syncline::crdt::Value;
use syncline::standalone::{
    ChangeError, Crdt, DwFlag, EwFlag, GCounter, GSet, LwwMap, LwwRegister, LwwSet, MvRegister, OrMap, OrSet, Packed,
    PnCounter, RwSet, TwoPhaseSet, VectorClock,
};
use syncline_tests::rng::Rng;

const MS: u64 = 1_790_000_000_000;

fn id(number: u128) -> ReplicaId {
    ReplicaId::new(MS, 0xaaaa_bbbb_cccc_dddd_0000 + number)
}

fn clock(entries: &[(u128, u64)]) -> VectorClock {
    entries.iter().map(|&(replica, count)| (id(replica), count)).collect()
}

#[test]
fn zero_and_absent_are_the_same_in_a_vector_clock() {
    assert_eq!(clock(&[(1, 0)]).compare(&clock(&[])), Causality::Equal);
    assert_eq!(clock(&[(1, 0)]).encode(), clock(&[]).encode());
    assert_eq!(clock(&[(1, 1), (2, 1)]).compare(&clock(&[(1, 1)])), Causality::After);
    assert_eq!(clock(&[(1, 1)]).compare(&clock(&[(1, 1), (2, 1)])), Causality::Before);
    assert_eq!(clock(&[(1, 2), (2, 3)]).compare(&clock(&[(1, 2), (2, 3)])), Causality::Equal);
    assert_eq!(clock(&[(1, 1)]).compare(&clock(&[(2, 1)])), Causality::Concurrent);
}

#[test]
fn comparing_clocks_is_the_partial_order_of_their_numbers() {
    let mut rng = Rng::new(11);
    for _ in 0..4_000 {
        let mut draw = || [(); 3].map(|()| rng.between(0, 2));
        let (left, right) = (draw(), draw());
        let of = |counts: [u64; 3]| clock(&[(1, counts[0]), (2, counts[1]), (3, counts[2])]);
        let below = left.iter().zip(&right).all(|(one, two)| one <= two);
        let above = left.iter().zip(&right).all(|(one, two)| one >= two);
        let expected = match (below, above) {
            (true, true) => Causality::Equal,
            (true, false) => Causality::Before,
            (false, true) => Causality::After,
            (false, false) => Causality::Concurrent,
        };
        assert_eq!(of(left).compare(&of(right)), expected, "{left:?} {right:?}");
    }
}

#[test]
fn a_dot_is_never_used_twice() {
    let mut set = OrSet::default();
    let mut deltas = Vec::new();
    for number in 0..5u64 {
        deltas.push(set.add(id(1), number).expect("numbers are left"));
        set.remove(&number);
    }
    assert_eq!(set.seen().highest(&id(1)), 5, "a removal gives no number back");
    let copy = OrSet::<u64>::decode(&set.encode()).expect("own bytes");
    assert_eq!(copy.seen().highest(&id(1)), 5, "neither do bytes");

    // An old backup that got a later dot of its own back, beyond a gap, goes on above it.
    let mut backup = OrSet::default();
    backup.merge(&deltas[0]);
    backup.merge(&deltas[3]);
    let next = backup.add(id(1), 77).expect("numbers are left");
    assert!(next.seen().covers(&Dot::new(id(1), 5)) && !next.seen().covers(&Dot::new(id(1), 2)));

    // A backup that got nothing back goes on under an id of its own, so both additions are there.
    let mut restored = OrSet::default();
    restored.merge(&deltas[0]);
    restored.add(id(2), 88).expect("numbers are left");
    set.add(id(1), 99).expect("numbers are left");
    set.merge(&restored);
    assert!(set.contains(&88) && set.contains(&99));
}

#[test]
fn an_id_without_numbers_left_is_refused_and_nothing_changes() {
    let mut clock = clock(&[(1, u64::MAX)]);
    let before = clock.clone();
    assert_eq!(clock.increment(id(1)), Err(ChangeError::Exhausted(id(1))));
    assert_eq!(clock, before);

    let mut counter = GCounter::default();
    counter.increment(id(1), u64::MAX).expect("it fits");
    assert_eq!(counter.increment(id(1), 1), Err(ChangeError::Overflow(id(1))));
    counter.increment(id(2), u64::MAX).expect("another id has its own count");
    assert_eq!(counter.value(), 2 * u128::from(u64::MAX));

    let mut both_ways = PnCounter::default();
    both_ways.add(id(1), i64::MIN).expect("it fits");
    both_ways.add(id(1), i64::MAX).expect("it fits");
    assert_eq!(both_ways.value(), -1);
    both_ways.add(id(1), i64::MIN).expect_err("2^64 is too much");
}

#[test]
fn a_clock_from_the_end_of_time_poisons_nobody() {
    let mut stranger = LwwRegister::default();
    stranger.set(Hlc::from_u64(u64::MAX - 1), id(9), "poison".to_owned());
    let stamp = stranger.stamp().expect("it was written");
    assert!(HlcClock::check(stamp.hlc, MS).is_err(), "refused at the door");

    let mut clock = HlcClock::default();
    clock.tick(MS);
    clock.observe(stamp.hlc);
    let after = clock.tick(MS + 1);
    assert!(after.ms() <= MS + 1, "not followed");
    let full = Hlc::new(MS, u16::MAX);
    clock.observe(full);
    assert!(clock.tick(MS) > full, "a full counter goes on in the time");

    // Whoever lets it in all the same still agrees with everybody else.
    let mut mine = LwwRegister::default();
    mine.set(after, id(1), "mine".to_owned());
    let mut theirs = stranger.clone();
    theirs.merge(&mine);
    mine.merge(&stranger);
    assert_eq!(mine, theirs);
}

#[test]
fn a_tie_is_broken_the_same_way_everywhere() {
    let at = Hlc::new(MS, 3);
    let write = |replica, value: &str| {
        let mut register = LwwRegister::default();
        register.set(at, id(replica), value.to_owned());
        register
    };
    // By replica, and where a replica wrote twice with one time, by content.
    let writes = [write(1, "z"), write(2, "a"), write(2, "b")];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut joined = LwwRegister::default();
        order.iter().for_each(|&which| joined.merge(&writes[which]));
        assert_eq!(joined.value().map(String::as_str), Some("b"), "{order:?}");
    }
}

#[test]
fn a_delete_is_not_undone_by_an_older_write() {
    let mut left = LwwMap::default();
    let old = left.set(Hlc::new(MS, 0), id(1), "k".to_owned(), 1u64);
    left.remove(Hlc::new(MS, 1), id(2), "k".to_owned());
    left.merge(&old);
    assert_eq!(left.get("k"), None);
    let mut fresh = LwwMap::default();
    fresh.merge(&LwwMap::decode(&left.encode()).expect("own bytes"));
    fresh.merge(&old);
    assert_eq!((fresh.get("k"), fresh.len()), (None, 0));
}

#[test]
fn a_removal_propagates_and_an_add_afterwards_is_back() {
    let mut left = OrSet::default();
    left.add(id(1), "x".to_owned()).expect("numbers are left");
    let mut right = left.clone();
    let removal = left.remove("x");
    right.merge(&left);
    assert!(right.is_empty(), "by state");
    let mut third = OrSet::default();
    third.merge(&removal);
    assert!(third.is_empty() && !third.seen().is_empty(), "by delta, before the add that it removes");
    right.add(id(2), "x".to_owned()).expect("numbers are left");
    left.merge(&right);
    assert!(left.contains("x"));
    right.merge(&removal);
    assert!(right.contains("x"), "an old removal again takes nothing new");
}

#[test]
fn nothing_is_kept_of_what_was_removed() {
    let mut set = OrSet::default();
    for number in 0..10_000u64 {
        set.add(id(1), number).expect("numbers are left");
        set.remove(&number);
    }
    assert!(set.encode().len() <= 24, "{}", set.encode().len());
    let mut map = OrMap::<String, MvRegister<u64>>::default();
    for number in 0..1_000u64 {
        map.update(format!("k{number}"), |child| child.set(id(1), number)).expect("numbers are left");
        map.remove(&format!("k{number}"));
    }
    assert!(map.encode().len() <= 24, "{}", map.encode().len());
}

#[test]
fn one_add_to_a_large_set_takes_at_most_24_bytes_beyond_the_element() {
    let mut set = OrSet::default();
    (0..10_000u64).for_each(|number| drop(set.add(id(1), format!("element {number}"))));
    let element = "one more".to_owned();
    let delta = set.add(id(1), element.clone()).expect("numbers are left");
    assert!(delta.encode().len() - element.len() <= 24, "{}", delta.encode().len() - element.len());
    assert!(set.encode().len() > 100_000);
}

#[test]
fn a_reset_revives_nothing_and_takes_nothing_unseen() {
    let mut left = PnCounter::default();
    left.add(id(1), 5).expect("it fits");
    let mut right = left.clone();
    left.reset();
    right.add(id(1), 2).expect("it fits");
    left.merge(&right);
    assert_eq!(left.value(), 2, "what was counted meanwhile stays, what was seen does not come back");
    let counter = GCounter::decode(&[2, 0]).expect("nothing");
    assert_eq!(counter.value(), 0);
}

#[test]
fn sets_merge_by_events_not_by_union() {
    // A union of both sides would bring "x" back, and an intersection would lose "y".
    let mut base = OrSet::default();
    base.add(id(1), "x".to_owned()).expect("numbers are left");
    let (mut left, mut right) = (base.clone(), base);
    left.remove("x");
    right.add(id(2), "y".to_owned()).expect("numbers are left");
    left.merge(&right);
    right.merge(&left);
    assert_eq!((left.to_string(), right.to_string()), ("{y}".to_owned(), "{y}".to_owned()));
}

/// Whatever is decoded encodes to bytes that say the same, and nothing panics.
fn survives<S: Crdt + std::fmt::Debug>(states: &[S], rng: &mut Rng) {
    for state in states {
        let bytes = state.encode();
        assert_eq!(S::decode(&bytes).as_ref(), Ok(state));
        assert!((0..bytes.len()).all(|cut| bytes.len() == 1 || cut == 1 || S::decode(&bytes[..cut]).is_err()));
        for _ in 0..3_000 {
            let mut damaged = bytes.clone();
            for _ in 0..rng.between(1, 3) {
                let at = rng.below(damaged.len());
                match rng.below(4) {
                    0 => damaged.insert(at, rng.bits() as u8),
                    1 if damaged.len() > 1 => drop(damaged.remove(at)),
                    2 => damaged[at] = 0xff,
                    _ => damaged[at] ^= 1 << rng.below(8),
                }
            }
            if let Ok(read) = S::decode(&damaged) {
                assert_eq!(S::decode(&read.encode()).as_ref(), Ok(&read), "{damaged:02x?}");
                let mut joined = state.clone();
                joined.merge(&read);
                let mut other = read.clone();
                other.merge(state);
                assert_eq!((&joined, joined.encode()), (&other, other.encode()), "{damaged:02x?}");
            }
        }
    }
}

#[test]
fn damaged_bytes_are_refused_or_merge_like_any_state() {
    let rng = &mut Rng::new(5);
    let at = Hlc::new(MS, 1);
    let text = "text".to_owned();
    survives(&[clock(&[(1, 3), (2, 500)])], rng);
    let mut counter = PnCounter::default();
    counter.add(id(1), 300).expect("it fits");
    counter.reset();
    counter.add(id(2), -4).expect("it fits");
    survives(&[counter], rng);
    let mut growing = GCounter::default();
    growing.increment(id(1), 3).expect("it fits");
    survives(&[growing], rng);
    let mut register = LwwRegister::default();
    register.set(at, id(1), text.clone());
    survives(&[register], rng);
    let (mut last, mut map) = (LwwSet::default(), LwwMap::default());
    last.add(at, id(1), 7u64);
    map.set(at, id(1), text.clone(), 7u64);
    map.remove(at, id(2), "gone".to_owned());
    survives(&[last], rng);
    survives(&[map], rng);
    let (mut grow, mut two) = (GSet::default(), TwoPhaseSet::default());
    for number in 0..12u64 {
        grow.add(number);
        two.add(number);
    }
    two.remove(3);
    survives(&[grow], rng);
    survives(&[two], rng);
    let (mut adds, mut removes) = (OrSet::default(), RwSet::default());
    for number in 0..12u64 {
        adds.add(id(u128::from(number) % 3), number).expect("numbers are left");
        removes.add(id(1), number).expect("numbers are left");
    }
    adds.remove(&5);
    removes.remove(id(2), 5).expect("numbers are left");
    survives(&[adds], rng);
    survives(&[removes], rng);
    let (mut on, mut off, mut multi) = (EwFlag::default(), DwFlag::default(), MvRegister::default());
    on.enable(id(1)).expect("numbers are left");
    off.disable(id(1)).expect("numbers are left");
    multi.set(id(1), text.clone()).expect("numbers are left");
    let mut sibling = MvRegister::default();
    sibling.set(id(2), "other".to_owned()).expect("numbers are left");
    multi.merge(&sibling);
    survives(&[on], rng);
    survives(&[off], rng);
    survives(&[multi], rng);
    let mut nested = OrMap::<String, OrMap<u64, OrSet<u64>>>::default();
    nested.update(text, |map| map.update(4, |set| set.add(id(1), 9))).expect("numbers are left");
    survives(&[nested], rng);
    let mut packed = GSet::default();
    packed.add(Packed::try_from(&Value::List(vec![Value::Float(0.5), Value::Null])).expect("it is small"));
    survives(&[packed], rng);
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_allocating() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for tag in 1..=14u8 {
        let bytes = [&[tag][..], &huge, &huge].concat();
        assert!(OrSet::<u64>::decode(&bytes).is_err() && GSet::<u64>::decode(&bytes).is_err());
        assert!(GCounter::decode(&bytes).is_err() && VectorClock::decode(&bytes).is_err());
        assert!(LwwMap::<u64, u64>::decode(&bytes).is_err() && RwSet::<u64>::decode(&bytes).is_err());
    }
    let mut retired = VersionVector::default();
    retired.set_horizon(9);
    assert!(VectorClock::decode(&[&[1][..], &retired.encode()].concat()).is_err());
}

#[test]
fn a_dot_that_the_context_does_not_cover_is_refused() {
    // Two adds with a gap between them; then the first element's dot is moved into the gap.
    let mut set = OrSet::default();
    let deltas = [10u64, 11, 12].map(|number| set.add(id(1), number).expect("numbers are left"));
    let mut gap = deltas[0].clone();
    gap.merge(&deltas[2]);
    let mut bytes = gap.encode();
    let dot = bytes.len() - 4;
    assert_eq!(bytes[dot..], [4, 1, 12, 0], "the dot of 10 is two from the end, that of 12 is the end");
    bytes[dot] = 2;
    assert!(OrSet::<u64>::decode(&bytes).is_err());
}

#[test]
fn bytes_of_another_type_are_refused() {
    let mut set = OrSet::default();
    set.add(id(1), 1u64).expect("numbers are left");
    assert!(RwSet::<u64>::decode(&set.encode()).is_err());
    let mut map = OrMap::<u64, OrSet<u64>>::default();
    map.update(1, |child| child.add(id(1), 2)).expect("numbers are left");
    assert!(OrMap::<u64, MvRegister<u64>>::decode(&map.encode()).is_err());
}
