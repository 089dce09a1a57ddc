//! The header `traceparent` of W3C Trace Context, version 00.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The name of the header, and of the environment variable in capitals.
pub(crate) const HEADER: &str = "traceparent";

/// The flag that the caller keeps its part of the trace.
const SAMPLED: u8 = 1;

/// Names the span of a caller: what happens here is a part of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// Says that a text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not of the form 00-TRACE-PARENT-FLAGS with 32, 16 and 2 small hexadecimal digits, of which neither the trace nor the parent is all zeros"
)]
pub struct NotTraceParent;

impl TraceParent {
    /// The parent that a request names. A malformed one is as good as none, and so are two.
    pub(crate) fn of(headers: &HeaderMap) -> Option<TraceParent> {
        let mut values = headers.get_all(HEADER).iter();
        let value = values.next()?;
        match (value.to_str().ok().map(str::parse), values.next()) {
            (Some(Ok(parent)), None) => Some(parent),
            _ => {
                tracing::debug!(?value, "a malformed traceparent is ignored");
                None
            }
        }
    }

    /// Reads one that came in another way. Malformed is as good as none.
    pub(crate) fn read(text: &str) -> Option<TraceParent> {
        let parsed = text.parse();
        if parsed.is_err() && !text.is_empty() {
            tracing::debug!(text, "a malformed traceparent is ignored");
        }
        parsed.ok()
    }

    /// Whether the caller keeps its part of the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    pub(super) fn context(&self) -> SpanContext {
        let flags = TraceFlags::new(self.flags & SAMPLED);
        let (trace, span) =
            (TraceId::from_bytes(self.trace.to_be_bytes()), SpanId::from_bytes(self.span.to_be_bytes()));
        SpanContext::new(trace, span, flags, true, TraceState::NONE)
    }
}

impl FromStr for TraceParent {
    type Err = NotTraceParent;

    fn from_str(text: &str) -> Result<TraceParent, NotTraceParent> {
        let mut parts = text.split('-');
        let mut part = |digits| hexadecimal(parts.next().unwrap_or_default(), digits).ok_or(NotTraceParent);
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        if version != 0 || trace == 0 || span == 0 || parts.next().is_some() {
            return Err(NotTraceParent);
        }
        // The lengths were checked.
        Ok(TraceParent { trace, span: span as u64, flags: flags as u8 })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// A number of so many digits. The standard's parser would take signs and capitals as well.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let small = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == digits && small).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_good_one_comes_back() {
        let parent: TraceParent = GOOD.parse().unwrap();
        assert_eq!((parent.to_string().as_str(), parent.is_sampled()), (GOOD, true));
        assert_eq!(parent.context().trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.context().span_id().to_string(), "b7ad6b7169203331");
        assert!(!GOOD.replace("-01", "-00").parse::<TraceParent>().unwrap().is_sampled());
    }

    #[test]
    fn everything_else_is_refused() {
        let zeros = ["00000000000000000000000000000000", "0000000000000000"];
        let bad = [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "00-éf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ];
        let zero = [
            format!("00-{}-b7ad6b7169203331-01", zeros[0]),
            format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", zeros[1]),
        ];
        for text in bad.into_iter().chain(zero.iter().map(String::as_str)) {
            assert_eq!(text.parse::<TraceParent>(), Err(NotTraceParent), "{text}");
        }
    }

    #[test]
    fn of_two_headers_none_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::of(&headers), None);
        headers.append(HEADER, HeaderValue::from_static(GOOD));
        assert_eq!(TraceParent::of(&headers), GOOD.parse().ok());
        headers.append(HEADER, HeaderValue::from_static(GOOD));
        assert_eq!(TraceParent::of(&headers), None);
    }
}
