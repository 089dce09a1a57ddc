//! Two-phase commit in an order of messages, effects, losses and crashes that the fuzzer chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use syncline::quorum::{CommitTimes, TxId};
use syncline_tests::commit::{Action, Fault, World};
use syncline_tests::rng::Rng;

const ROOMS: usize = 3;

fuzz_target!(|data: &[u8]| {
    let mut rng = Rng::scripted(data);
    let mut world = World::new(ROOMS, CommitTimes { prepare_ms: 1_000, retry_ms: 100 }, Fault::None);
    for number in 0..2 {
        let refusing = if rng.chance(30) { vec![rng.below(ROOMS)] } else { Vec::new() };
        world.begin(TxId::new(number, 0), &[0, 1, 2], &refusing);
        for _ in 0..data.len().min(60) {
            step(&mut world, &mut rng);
            world.check().expect("all or nothing");
        }
    }
    world.run(5_000, |_, _| ()).expect("it comes to rest");
    world.check_settled().expect("every room knows the outcome");
});

fn step(world: &mut World, rng: &mut Rng) {
    let (busy, net) = (world.busy(), world.net.iter().cloned().collect::<Vec<_>>());
    let action = match rng.below(8) {
        0..3 if !net.is_empty() => Action::Deliver(rng.pick(&net).clone(), rng.chance(20)),
        3 if !net.is_empty() => Action::Drop(rng.pick(&net).clone()),
        4 => Action::Crash(rng.below(ROOMS + 1).checked_sub(1), rng.chance(50)),
        5 => match world.next_timer() {
            Some((due, node)) => {
                world.now_ms = world.now_ms.max(due);
                Action::Tick(node, world.now_ms)
            }
            None => return,
        },
        _ if !busy.is_empty() => Action::Effect(*rng.pick(&busy)),
        _ => return,
    };
    world.act(action);
}
