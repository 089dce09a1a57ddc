//! What is traced of one room: its writes until they are durable, and its compaction.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::trace::{SpanContext, SpanKind};

use super::{Cause, TraceParent, Traced, Tracing, attribute};
use crate::limits::TRACE_WRITES;

/// What the writes of a connection belong to: the trace that the client said, or one of their own for each.
#[derive(Debug)]
pub(crate) struct WriteTrace {
    connection: u64,
    parent: Option<TraceParent>,
    /// The span of the connection, if it is kept.
    connect: Option<SpanContext>,
}

/// The spans of one room. Where nothing is traced it costs a pointer.
#[derive(Debug, Default)]
pub(crate) struct RoomTrace(Option<Box<Traces>>);

#[derive(Debug)]
struct Traces {
    tracing: Arc<Tracing>,
    room: Box<str>,
    /// By their entries of the log.
    writes: VecDeque<Write>,
    compact: Option<Traced>,
}

/// A write that is not durable yet.
#[derive(Debug)]
struct Write {
    entries: RangeInclusive<u64>,
    accepted: bool,
    span: Traced,
}

impl WriteTrace {
    pub(crate) fn new(connection: u64, connect: Option<&Traced>) -> WriteTrace {
        WriteTrace { connection, parent: None, connect: connect.map(Traced::context) }
    }

    /// The same connection, whose writes belong to another trace from now on.
    pub(crate) fn under(&self, parent: Option<TraceParent>) -> WriteTrace {
        WriteTrace { parent, connection: self.connection, connect: self.connect.clone() }
    }
}

impl RoomTrace {
    /// Of a room that people know by this name.
    pub(crate) fn new(tracing: Option<&Arc<Tracing>>, room: &str) -> RoomTrace {
        let traces = |tracing: &Arc<Tracing>| Traces {
            tracing: tracing.clone(),
            room: room.into(),
            writes: VecDeque::new(),
            compact: None,
        };
        RoomTrace(tracing.map(|tracing| Box::new(traces(tracing))))
    }

    /// A write, which came at `received`, made entries of the log.
    pub(crate) fn wrote(&mut self, trace: Option<&WriteTrace>, entries: RangeInclusive<u64>, received: Instant) {
        let (Some(traces), Some(trace)) = (&mut self.0, trace) else { return };
        if traces.writes.len() >= TRACE_WRITES {
            return;
        }
        // In a trace of its own it refers to the connection, which is another one.
        let link = trace.connect.as_ref().filter(|_| trace.parent.is_none());
        let span = traces.tracing.under("write", SpanKind::Server, trace.parent.as_ref(), received, link);
        let Some(mut span) = span.map(|span| span.room(&traces.room)) else { return };
        span.connection(trace.connection);
        span.number(attribute::ENTRY, *entries.end());
        traces.writes.push_back(Write { entries, accepted: false, span });
    }

    /// What the commit of an entry is to refer to.
    pub(crate) fn cause(&self, entry: u64) -> Option<Box<Cause>> {
        let traces = self.0.as_ref()?;
        let write = traces.writes.iter().rev().find(|write| write.entries.contains(&entry))?;
        Some(Box::new(Cause { tracing: traces.tracing.clone(), context: write.span.context() }))
    }

    fn writes(&mut self) -> Option<&mut VecDeque<Write>> {
        self.0.as_mut().map(|traces| &mut traces.writes)
    }

    /// Everything that was merged is acknowledged as accepted.
    pub(crate) fn accepted(&mut self) {
        let Some(writes) = self.writes() else { return };
        for write in writes.iter_mut().rev().take_while(|write| !write.accepted) {
            write.accepted = true;
            write.span.event("accepted");
        }
    }

    /// The entries up to a number are durable.
    pub(crate) fn durable(&mut self, upto: u64) {
        let Some(writes) = self.writes() else { return };
        while let Some(mut write) = writes.pop_front_if(|write| *write.entries.end() <= upto) {
            write.span.event("durable");
        }
    }

    /// None of the rest will be.
    pub(crate) fn failed(&mut self, reason: &str) {
        let Some(writes) = self.writes() else { return };
        writes.drain(..).for_each(|mut write| write.span.failed(reason));
    }

    /// A snapshot is being made.
    pub(crate) fn compacts(&mut self) {
        if let Some(traces) = &mut self.0 {
            traces.compact = traces.tracing.compact(&traces.room);
        }
    }

    fn compact(&mut self) -> Option<&mut Option<Traced>> {
        self.0.as_mut().map(|traces| &mut traces.compact)
    }

    /// The snapshot has so many bytes and stands for the log up to an entry.
    pub(crate) fn snapshot(&mut self, bytes: usize, upto: u64) {
        if let Some(Some(span)) = self.compact() {
            span.number(attribute::BYTES, bytes as u64);
            span.number(attribute::ENTRY, upto);
        }
    }

    /// The store has it, or not.
    pub(crate) fn compacted(&mut self, done: Result<(), &str>) {
        let Some(mut span) = self.compact().and_then(Option::take) else { return };
        if let Err(reason) = done {
            span.failed(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TraceConfig;

    #[test]
    fn where_nothing_is_traced_no_span_is_made() {
        let off = [None, Some(String::new())].map(|endpoint| TraceConfig { endpoint, ..TraceConfig::default() });
        for config in off {
            assert!(Tracing::new(&config, Arc::default()).unwrap().is_none());
        }
        let mut trace = RoomTrace::new(None, "board");
        trace.wrote(Some(&WriteTrace::new(1, None)), 1..=1, Instant::now());
        trace.compacts();
        assert!(trace.0.is_none() && trace.cause(1).is_none());
        assert_eq!([size_of::<RoomTrace>(), size_of::<Option<Traced>>()], [size_of::<usize>(); 2]);
    }

    #[tokio::test]
    async fn writes_beyond_the_bound_are_not_traced() {
        let config = TraceConfig { endpoint: Some("http://127.0.0.1:1".into()), ..TraceConfig::default() };
        let tracing = Tracing::new(&config, Arc::default()).unwrap().unwrap();
        let mut trace = RoomTrace::new(Some(&tracing), "board");
        for entry in 1..=TRACE_WRITES as u64 + 10 {
            trace.wrote(Some(&WriteTrace::new(1, None)), entry..=entry, Instant::now());
        }
        let last = TRACE_WRITES as u64;
        assert!(
            trace.0.as_ref().unwrap().writes.len() == TRACE_WRITES
                && trace.cause(last).is_some()
                && trace.cause(last + 1).is_none()
        );
        trace.durable(last - 1);
        assert_eq!(trace.0.unwrap().writes.len(), 1);
    }
}
