//! Backoff, batches, buckets and breakers by name.

use super::args::{Args, wrong};
use super::{CallError, int, list, text};
use crate::crdt::Value;
use crate::flow::{
    AdaptiveBatch, Backoff, BatchOptions, BreakerOptions, BreakerState, CircuitBreaker, Jitter, RateLimit, Refusal,
    Throttle, TokenBucket,
};

/// Most waits that one call of `backoff` answers.
const WAITS: u64 = 10_000;

pub(super) fn backoff(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["first", "most", "jitter", "seed", "count"])?;
    let jitter = match args.text_or("jitter", "quarter")? {
        "quarter" => Jitter::Quarter,
        "full" => Jitter::Full,
        "decorrelated" => Jitter::Decorrelated,
        _ => return Err(wrong("jitter", "quarter, full or decorrelated")),
    };
    let mut backoff = Backoff::with_jitter(args.number("first")?, args.number("most")?, jitter, args.number("seed")?);
    Ok(list(0..args.number("count")?.min(WAITS), |_| int(backoff.next_ms())))
}

pub(super) fn batch(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["least", "most", "first", "step", "lag", "steps"])?;
    let usual = BatchOptions::default();
    let mut batch = AdaptiveBatch::new(BatchOptions {
        least: args.small_or("least", usual.least)?,
        most: args.small_or("most", usual.most)?,
        first: args.small_or("first", usual.first)?,
        step: args.small_or("step", usual.step)?,
        lag_ms: args.number_or("lag", usual.lag_ms)?,
    })?;
    let mut tickets = Vec::new();
    let step = |row: Args<'_>| {
        row.only(&["at", "start", "finish", "items", "ok"])?;
        let now_ms = row.number("at")?;
        if row.flag_or("start", false)? {
            tickets.push(batch.start(now_ms));
        } else {
            let ticket = *started(&tickets, &row)?;
            batch.finish(ticket, row.small_or("items", ticket.size)?, row.flag_or("ok", true)?, now_ms);
        }
        Ok(int(batch.size().into()))
    };
    args.rows("steps")?.into_iter().map(step).collect::<Result<_, CallError>>().map(Value::List)
}

pub(super) fn breaker(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["failures", "rate", "calls", "reset", "probes", "steps"])?;
    let usual = BreakerOptions::default();
    let mut breaker = CircuitBreaker::new(BreakerOptions {
        failures: args.small_or("failures", usual.failures)?,
        rate_percent: args.small_or("rate", usual.rate_percent)?,
        rate_calls: args.small_or("calls", usual.rate_calls)?,
        reset_ms: args.number_or("reset", usual.reset_ms)?,
        probes: args.small_or("probes", usual.probes)?,
    })?;
    let mut tickets = Vec::new();
    let step = |row: Args<'_>| {
        row.only(&["at", "start", "finish", "ok"])?;
        let now_ms = row.number("at")?;
        if row.flag_or("start", false)? {
            match breaker.start(now_ms) {
                Ok(ticket) => tickets.push(ticket),
                Err(open) => return Ok(int(open.wait_ms)),
            }
        } else {
            breaker.finish(*started(&tickets, &row)?, row.flag_or("ok", true)?, now_ms);
        }
        Ok(text(match breaker.state() {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half-open",
        }))
    };
    args.rows("steps")?.into_iter().map(step).collect::<Result<_, CallError>>().map(Value::List)
}

/// The ticket that a step finishes.
fn started<'t, T>(tickets: &'t [T], row: &Args<'_>) -> Result<&'t T, CallError> {
    crate::assoc::at(tickets, row.number("finish")?).ok_or_else(|| wrong("finish", "the number of an earlier start"))
}

pub(super) fn bucket(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["rate", "burst", "steps"])?;
    let limit = limit(args)?;
    let rows = args.rows("steps")?;
    let start = rows.first().map_or(Ok(0), |row| row.number("at"))?;
    let mut bucket = TokenBucket::new(limit, start)?;
    let step = |row: Args<'_>| {
        row.only(&["at", "take"])?;
        Ok(outcome(bucket.take(row.number_or("take", 1)?, row.number("at")?)))
    };
    rows.into_iter().map(step).collect::<Result<_, CallError>>().map(Value::List)
}

pub(super) fn throttle(args: &Args<'_>) -> Result<Value, CallError> {
    args.only(&["peer", "tenant", "steps"])?;
    let mut throttle = Throttle::new(limit(&args.child("peer")?)?, limit(&args.child("tenant")?)?)?;
    let step = |row: Args<'_>| {
        row.only(&["at", "take", "peer", "tenant"])?;
        let (peer, tenant) = (row.text("peer")?, row.text("tenant")?);
        Ok(outcome(throttle.take(peer, tenant, row.number_or("take", 1)?, row.number("at")?)))
    };
    args.rows("steps")?.into_iter().map(step).collect::<Result<_, CallError>>().map(Value::List)
}

fn limit(args: &Args<'_>) -> Result<RateLimit, CallError> {
    let usual = RateLimit::default();
    Ok(RateLimit {
        per_second: args.number_or("rate", usual.per_second)?,
        burst: args.number_or("burst", usual.burst)?,
    })
}

fn outcome(taken: Result<(), Refusal>) -> Value {
    match taken {
        Ok(()) => Value::Bool(true),
        Err(Refusal::Wait { wait_ms }) => int(wait_ms),
        Err(Refusal::TooMany { .. }) => text("too_many"),
    }
}
