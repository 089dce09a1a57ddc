//! Writes, reads and fences in an order that the fuzzer chooses: what is done has the members that it needs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use syncline::clock::{Dot, ReplicaId, VersionVector};
use syncline::quorum::{
    Ack, Claim, Configuration, Fence, FenceInput, FenceOutput, FenceRecord, Hints, Level, Member, MemberId, QuorumRead,
    ReadInput, ReadOutput, ReadPlan, Write, WriteInput, WriteOutcome, WriteOutput, WriteTracker,
};
use syncline_tests::rng::Rng;

fuzz_target!(|data: &[u8]| {
    let mut rng = Rng::scripted(data);
    let names: Vec<MemberId> = (0..rng.between(1, 7)).filter_map(|at| MemberId::new(&format!("m{at}")).ok()).collect();
    let members: Vec<Member> = names.iter().cloned().map(Member::from).collect();
    let config = Configuration::new(1, members).expect("the names are distinct");
    writes(&config, &names, &mut rng);
    read(&config, &names, &mut rng);
    fences(&config, &names, &mut rng);
});

fn dot(seq: u64) -> Dot {
    Dot::new(ReplicaId::new(1, 1), seq)
}

fn version(seq: u64) -> VersionVector {
    [(dot(seq).replica, seq)].into_iter().collect()
}

fn level(rng: &mut Rng) -> Level {
    *rng.pick(&[Level::One, Level::Quorum, Level::All])
}

fn needed(level: Level, members: usize) -> usize {
    match level {
        Level::One => 1,
        Level::Quorum => members / 2 + 1,
        _ => members,
    }
}

fn writes(config: &Configuration, names: &[MemberId], rng: &mut Rng) {
    let (mut tracker, mut hints, mut now) = (WriteTracker::new(config.clone(), None), Hints::default(), 0);
    let mut durable: BTreeSet<(MemberId, u64)> = BTreeSet::new();
    for ticket in 1..30 {
        let (from, seq) = (rng.pick(names).clone(), rng.between(1, 9));
        let input = match rng.below(5) {
            0 | 1 => WriteInput::Submit(Write {
                ticket,
                dot: dot(seq),
                level: level(rng),
                sloppy: false,
                deadline_ms: now + rng.between(0, 9),
            }),
            2 | 3 => {
                let epoch = rng.between(1, 2);
                if epoch == 1 {
                    durable.extend((1..=seq).map(|seq| (from.clone(), seq)));
                }
                WriteInput::Ack(Ack { from, epoch, durable: version(seq) })
            }
            _ => {
                hints.delivered(&from, &version(seq));
                hints.expire(now);
                WriteInput::Tick
            }
        };
        let _ = tracker.handle(input, now);
        while let WriteOutput::Finished(report) = tracker.poll() {
            let holders = durable.iter().filter(|(_, seq)| *seq == report.dot.seq).count();
            assert!(report.outcome != WriteOutcome::Done || holders >= needed(report.level, names.len()));
            assert!(report.acked_by.iter().all(|member| durable.contains(&(member.clone(), report.dot.seq))));
        }
        now += rng.between(0, 5);
    }
}

fn read(config: &Configuration, names: &[MemberId], rng: &mut Rng) {
    let plan = ReadPlan { level: level(rng), rounds: rng.between(0, 4) as u32, retry_ms: 10, deadline_ms: 200 };
    let mut read = QuorumRead::new(config.clone(), None, plan, version(1), 0).expect("the members suffice");
    for now in 0..300 {
        let input = match rng.below(4) {
            0 | 1 => {
                let (from, epoch) = (rng.pick(names).clone(), rng.between(1, 2));
                ReadInput::Answer(Ack { from, epoch, durable: version(rng.between(1, 4)) })
            }
            2 => ReadInput::Local(version(rng.between(1, 4))),
            _ => ReadInput::Failed(rng.pick(names).clone()),
        };
        let _ = read.handle(input, now);
        loop {
            match read.poll() {
                ReadOutput::Idle(None) => return,
                ReadOutput::Idle(_) => break,
                _ => {}
            }
        }
    }
    panic!("a read ends at its deadline");
}

/// At most one claimant holds a term.
fn fences(config: &Configuration, names: &[MemberId], rng: &mut Rng) {
    let mut fences: Vec<Fence> = names.iter().map(|_| Fence::recover(None)).collect();
    let epoch = rng.between(1, 2);
    let record = |holder: &MemberId| FenceRecord { epoch, holder: holder.clone() };
    let mut claims: Vec<Claim> = names.iter().map(|name| Claim::new(config.clone(), record(name))).collect();
    for _ in 0..60 {
        let (at, by) = (rng.below(names.len()), rng.below(names.len()));
        fences[at].handle(FenceInput::Claim(record(&names[by])));
        loop {
            match fences[at].poll() {
                FenceOutput::Force(forced) if rng.chance(80) => fences[at].handle(FenceInput::Forced(forced)),
                FenceOutput::Promise(promised) => {
                    claims.iter_mut().for_each(|claim| drop(claim.promise(&names[at], &promised)));
                }
                FenceOutput::Idle => break,
                _ => {}
            }
        }
        if rng.chance(10) {
            fences[at] = Fence::recover(fences[at].promised().cloned());
        }
        assert!(claims.iter().filter(|claim| claim.held()).count() <= 1);
    }
}
