//! The circuit breaker, alone and in front of a peer that fails.

use super::*;
use std::collections::VecDeque;

fn breaker(options: BreakerOptions) -> CircuitBreaker {
    CircuitBreaker::new(options).expect("in range")
}

fn call(breaker: &mut CircuitBreaker, ok: bool, now: u64) {
    let ticket = breaker.start(now).expect("a call may go out");
    breaker.finish(ticket, ok, now);
}

#[test]
fn it_opens_at_the_nth_failure_in_a_row_and_a_success_starts_the_count_again() {
    let mut breaker = breaker(BreakerOptions::default());
    for ok in [false, false, false, false, true, false, false, false, false] {
        call(&mut breaker, ok, 0);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
    call(&mut breaker, false, 7);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(breaker.start(7), Err(BreakerOpen { wait_ms: 30_000 }));
    assert_eq!(breaker.start(30_006), Err(BreakerOpen { wait_ms: 1 }));
    assert!(breaker.start(30_007).is_ok());
}

#[test]
fn it_opens_at_the_share_of_failures_once_there_are_enough_calls() {
    let mut breaker = breaker(BreakerOptions::default());
    for turn in 0..19 {
        call(&mut breaker, turn % 2 == 0, 0);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
    call(&mut breaker, false, 0);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_third_of_failures_keeps_it_closed_and_old_failures_are_forgotten() {
    let mut breaker = breaker(BreakerOptions::default());
    (0..600).for_each(|turn| call(&mut breaker, turn % 3 != 0, 0));
    (0..64).for_each(|_| call(&mut breaker, true, 0));
    for turn in 0..31 {
        call(&mut breaker, turn % 4 == 3, 0);
        assert_eq!(breaker.state(), BreakerState::Closed, "turn {turn}");
    }
}

#[test]
fn half_open_lets_one_probe_out_at_a_time() {
    let mut breaker = breaker(BreakerOptions { probes: 2, ..Default::default() });
    (0..5).for_each(|_| call(&mut breaker, false, 0));
    let first = breaker.start(30_000).expect("a probe");
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert_eq!(breaker.start(30_001), Err(BreakerOpen { wait_ms: 29_999 }));
    breaker.finish(first, true, 30_010);
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "two are asked for");
    call(&mut breaker, true, 30_020);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_probe_that_fails_opens_for_the_whole_time_again() {
    let mut breaker = breaker(BreakerOptions::default());
    (0..5).for_each(|_| call(&mut breaker, false, 0));
    call(&mut breaker, false, 30_500);
    assert_eq!(breaker.start(60_499), Err(BreakerOpen { wait_ms: 1 }));
    assert!(breaker.start(60_500).is_ok());
}

#[test]
fn a_probe_that_never_ends_does_not_keep_the_peer_out_for_ever() {
    let mut breaker = breaker(BreakerOptions::default());
    (0..5).for_each(|_| call(&mut breaker, false, 0));
    let lost = breaker.start(30_000).expect("a probe");
    assert!(breaker.start(59_999).is_err());
    let second = breaker.start(60_000).expect("another one");
    breaker.finish(lost, false, 60_001);
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "too late to count");
    breaker.finish(second, true, 60_002);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn results_of_calls_from_before_a_change_are_ignored() {
    let mut breaker = breaker(BreakerOptions::default());
    let early: Vec<CallTicket> = (0..10).map(|_| breaker.start(0).expect("closed")).collect();
    early[..5].iter().for_each(|ticket| breaker.finish(*ticket, false, 1));
    breaker.finish(early[5], true, 2);
    assert_eq!(breaker.state(), BreakerState::Open);
    let probe = breaker.start(30_001).expect("a probe");
    breaker.finish(early[6], true, 30_002);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.finish(early[7], false, 30_002);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.finish(probe, true, 30_003);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_clock_set_back_keeps_it_open_no_longer_than_the_reset_time() {
    let mut breaker = breaker(BreakerOptions::default());
    (0..5).for_each(|_| call(&mut breaker, false, 10_000_000));
    assert_eq!(breaker.start(1_000), Err(BreakerOpen { wait_ms: 30_000 }));
    assert!(breaker.start(31_000).is_ok());
}

/// 500 writes against a peer that is down from 100 ms to 60,100 ms: all arrive, once and in order, and the peer sees few
/// calls while it is down.
#[test]
fn nothing_is_dropped_while_a_peer_is_down() {
    let mut breaker = breaker(BreakerOptions { reset_ms: 5_000, ..Default::default() });
    let (mut queue, mut arrived, mut refused_by_peer): (VecDeque<u32>, Vec<u32>, u32) = Default::default();
    let mut now = 0;
    let mut written = 0;
    while arrived.len() < 500 {
        if written < 500 {
            queue.push_back(written);
            written += 1;
        }
        while let Some(write) = queue.front().copied() {
            let Ok(ticket) = breaker.start(now) else { break };
            let up = !(100..60_100).contains(&now);
            breaker.finish(ticket, up, now);
            if !up {
                refused_by_peer += 1;
                break;
            }
            arrived.push(write);
            queue.pop_front();
        }
        now += 10;
        assert!(now < 70_000, "stuck with {} of 500", arrived.len());
    }
    assert!(arrived.iter().copied().eq(0..500));
    assert_eq!(refused_by_peer, 5 + 11, "five to open, then one probe in five seconds");
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let default = BreakerOptions::default();
    let wrong = [
        BreakerOptions { failures: 0, ..default },
        BreakerOptions { rate_percent: 101, ..default },
        BreakerOptions { rate_calls: 65, ..default },
        BreakerOptions { reset_ms: 0, ..default },
        BreakerOptions { probes: 0, ..default },
    ];
    let names: Vec<_> = wrong.iter().filter_map(|options| CircuitBreaker::new(*options).err()).collect();
    let names: Vec<_> = names.iter().map(|error| error.name.trim_start_matches("breaker.")).collect();
    assert_eq!(names, ["failures", "rate_percent", "rate_calls", "reset_ms", "probes"]);
}
