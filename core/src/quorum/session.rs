//! What a client has written and read, as a token that it carries from relay to relay.

use crate::bytes::{DecodeError, Reader, Writer};
use crate::clock::{Causality, Dot, VersionVector};

/// Most entries of a token: rooms have at most a few dozen writers that are not retired, see the horizon.
pub const TOKEN_ENTRIES: usize = 4 * 1024;

const FORMAT: u8 = 1;

/// What a replica must have seen before it may answer this client.
///
/// * *Read your writes*: a token of one dot guarantees that a read sees that write and all before it.
/// * *Monotonic reads*: a token of what the last read has seen guarantees that the next read sees no less.
///
/// Both are version vectors, because seeing a dot means seeing all earlier ones of its writer. Writes that follow reads
/// need nothing more: a delta is only taken by who has seen what it builds on. After Terry et al., "Session Guarantees for
/// Weakly Consistent Replicated Data", 1994.
///
/// ```
/// use syncline::{clock::{Dot, ReplicaId, VersionVector}, quorum::SessionToken};
/// let writer = ReplicaId::new(1, 1);
/// let mut token = SessionToken::wrote(Dot::new(writer, 3));
/// let behind = [(writer, 2)].into_iter().collect::<VersionVector>();
/// assert!(!token.satisfied_by(&behind));
/// token.merge(&SessionToken::saw(behind));
/// assert_eq!(SessionToken::decode(&token.encode()), Ok(token));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionToken {
    needs: VersionVector,
}

impl SessionToken {
    /// Asks for one's own write: the last one stands for all before it.
    pub fn wrote(dot: Dot) -> Self {
        SessionToken { needs: [(dot.replica, dot.seq)].into_iter().collect() }
    }

    /// Asks for what was seen.
    pub fn saw(version: VersionVector) -> Self {
        SessionToken { needs: version }
    }

    /// Asks for what either asks for.
    pub fn merge(&mut self, other: &SessionToken) {
        self.needs.join(&other.needs);
    }

    /// Tells whether a replica that has seen `version` may answer.
    pub fn satisfied_by(&self, version: &VersionVector) -> bool {
        version.includes(&self.needs)
    }

    /// What must have been seen.
    pub fn needs(&self) -> &VersionVector {
        &self.needs
    }

    /// Compares what two tokens ask for.
    pub fn compare(&self, other: &SessionToken) -> Causality {
        self.needs.compare(&other.needs)
    }

    /// Encodes the token: a byte for the format, then the vector. It is data, not proof: a relay that must not trust it
    /// signs it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(FORMAT);
        self.needs.write(&mut out);
        out.into_bytes()
    }

    /// Decodes what [`SessionToken::encode`] made.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged or hold more than [`TOKEN_ENTRIES`] entries.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            FORMAT => {}
            other => return Err(DecodeError::Version(other)),
        }
        let rest = reader.take_rest();
        // An entry takes at most 26 bytes, the horizon and the count at most 20.
        if rest.len() > 26 * TOKEN_ENTRIES + 20 {
            return Err(DecodeError::TooLarge { what: "session token", limit: TOKEN_ENTRIES });
        }
        let needs = VersionVector::decode(rest)?;
        if needs.len() > TOKEN_ENTRIES {
            return Err(DecodeError::TooLarge { what: "session token", limit: TOKEN_ENTRIES });
        }
        Ok(SessionToken { needs })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dot, seen};
    use super::*;
    use crate::clock::ReplicaId;

    #[test]
    fn a_token_is_satisfied_by_what_it_names_and_all_more() {
        let token = SessionToken::wrote(dot(3));
        assert!(!token.satisfied_by(&seen(2)) && token.satisfied_by(&seen(3)) && token.satisfied_by(&seen(4)));
        assert!(SessionToken::default().satisfied_by(&VersionVector::default()));
        assert!(!token.satisfied_by(&[(ReplicaId::new(1, 2), 9)].into_iter().collect()));
    }

    #[test]
    fn merging_is_the_join_whatever_the_order() {
        let tokens = [SessionToken::wrote(dot(3)), SessionToken::saw(seen(5)), {
            SessionToken::wrote(Dot::new(ReplicaId::new(1, 2), 4))
        }];
        let merged = |order: [usize; 4]| {
            order.iter().fold(SessionToken::default(), |mut all, &at| {
                all.merge(&tokens[at]);
                all
            })
        };
        assert_eq!(merged([0, 1, 2, 2]), merged([2, 1, 0, 1]));
        assert_eq!(merged([0, 1, 2, 0]).compare(&tokens[0]), Causality::After);
        assert_eq!(tokens[2].compare(&tokens[0]), Causality::Concurrent);
    }

    #[test]
    fn bad_bytes_are_refused() {
        let bytes = SessionToken::saw(seen(300)).encode();
        assert!((0..bytes.len()).all(|cut| SessionToken::decode(&bytes[..cut]).is_err()));
        assert_eq!(SessionToken::decode(&[9]), Err(DecodeError::Version(9)));
        assert_eq!(SessionToken::decode(&[1, 0, 0, 7]), Err(DecodeError::Trailing(1)));
        let many = (0..=TOKEN_ENTRIES as u128).map(|number| (ReplicaId::new(1, number), 1)).collect();
        assert!(SessionToken::decode(&SessionToken::saw(many).encode()).is_err());
    }
}
