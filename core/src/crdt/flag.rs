//! Flags: true or false, with a rule for the case that some enable and others disable at the same time.
//!
//! A write replaces the dots it has seen, so only concurrent writes are beside each other (Shapiro, Preguiça, Baquero,
//! Zawirski: "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011; both variants as in Riak
//! and Antidote).

use super::Kind;

/// Which of concurrent writes of a flag wins. Flags of both kinds at one path are two flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlagKind {
    /// True if any of the concurrent writes enabled it.
    EnableWins,
    /// False if any of the concurrent writes disabled it.
    DisableWins,
}

impl FlagKind {
    /// The kind of its leaf.
    pub fn leaf(self) -> Kind {
        match self {
            FlagKind::EnableWins => Kind::ENABLE_WINS,
            FlagKind::DisableWins => Kind::DISABLE_WINS,
        }
    }
}

const FALSE: [u8; 1] = [0xf4];
const TRUE: [u8; 1] = [0xf5];

/// The payload that stands for `truth`: CBOR true or false.
pub(crate) fn truth_payload(truth: bool) -> Vec<u8> {
    if truth { TRUE.to_vec() } else { FALSE.to_vec() }
}

/// Whether any payload is true.
pub(crate) fn any_true<'a>(mut payloads: impl Iterator<Item = &'a [u8]>) -> bool {
    payloads.any(|payload| payload == TRUE)
}

/// Whether a payload is true and none is false.
pub(crate) fn true_and_no_false<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut seen_true = false;
    for payload in payloads {
        if payload == FALSE {
            return false;
        }
        seen_true |= payload == TRUE;
    }
    seen_true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_hold_for_every_mixture_and_damaged_payloads_count_as_nothing() {
        let read = |payloads: &[&'static [u8]]| {
            (any_true(payloads.iter().copied()), true_and_no_false(payloads.iter().copied()))
        };
        assert_eq!(read(&[]), (false, false));
        assert_eq!(read(&[&TRUE]), (true, true));
        assert_eq!(read(&[&FALSE]), (false, false));
        assert_eq!(read(&[&TRUE, &FALSE]), (true, false));
        assert_eq!(read(&[&FALSE, &TRUE]), (true, false));
        assert_eq!(read(&[b"", b"\x01", &TRUE]), (true, true));
    }
}
