//! Rate limits for many peers and tenants.

use super::{OptionError, RateLimit, Refusal, TokenBucket};
use crate::assoc::SortedMap;

/// Most peers, and most tenants, that a [`Throttle`] remembers; at about 80 bytes each that is a megabyte.
pub const THROTTLE_KEYS: usize = 16 * 1024;

/// One [`TokenBucket`] for each peer and one for each tenant: who takes needs tokens of both, so neither one connection nor
/// all connections of one customer starve the others.
///
/// A bucket that has filled up again is as good as a new one and is forgotten when room is needed. While there is no room
/// even so, strangers wait: with more than [`THROTTLE_KEYS`] busy peers the relay is overloaded anyway.
///
/// ```
/// use syncline::flow::{RateLimit, Throttle};
/// let peer = RateLimit { per_second: 10, burst: 5 };
/// let tenant = RateLimit { per_second: 10, burst: 8 };
/// let mut throttle = Throttle::new(peer, tenant)?;
/// assert!(throttle.take("tab 1", "acme", 5, 0).is_ok());
/// assert!(throttle.take("tab 1", "acme", 1, 0).is_err(), "the peer's burst is spent");
/// assert!(throttle.take("tab 2", "acme", 4, 0).is_err(), "the tenant has only 3 left");
/// assert!(throttle.take("tab 2", "acme", 3, 0).is_ok());
/// assert!(throttle.take("tab 3", "other", 5, 0).is_ok());
/// # Ok::<(), syncline::flow::OptionError>(())
/// ```
pub struct Throttle {
    peers: Buckets,
    tenants: Buckets,
}

impl Throttle {
    /// Sets the limit of every peer and of every tenant.
    ///
    /// # Errors
    /// [`OptionError`] if a rate or a burst is out of range.
    pub fn new(peer: RateLimit, tenant: RateLimit) -> Result<Self, OptionError> {
        peer.check()?;
        tenant.check()?;
        Ok(Throttle { peers: Buckets::new(peer), tenants: Buckets::new(tenant) })
    }

    /// Takes `count` tokens from the peer's and from the tenant's bucket: from both or from none.
    ///
    /// # Errors
    /// [`Refusal`], with the longer of both waits.
    pub fn take(&mut self, peer: &str, tenant: &str, count: u64, now_ms: u64) -> Result<(), Refusal> {
        let (of_peer, of_tenant) = (self.peers.of(peer, now_ms)?, self.tenants.of(tenant, now_ms)?);
        match (of_peer.check(count, now_ms), of_tenant.check(count, now_ms)) {
            (Ok(()), Ok(())) => {
                of_peer.take(count, now_ms)?;
                of_tenant.take(count, now_ms)
            }
            (Err(Refusal::Wait { wait_ms: one }), Err(Refusal::Wait { wait_ms: other })) => {
                Err(Refusal::Wait { wait_ms: one.max(other) })
            }
            (_, Err(refusal @ Refusal::TooMany { .. })) | (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        }
    }

    /// Forgets a peer that has gone. Its tenant is still remembered, so reconnecting earns little.
    pub fn forget_peer(&mut self, peer: &str) {
        self.peers.buckets.remove(&peer.to_owned());
    }
}

struct Buckets {
    limit: RateLimit,
    buckets: SortedMap<String, TokenBucket>,
    /// No bucket is worth looking at before, once all were found busy.
    sweep_ms: u64,
}

impl Buckets {
    fn new(limit: RateLimit) -> Self {
        Buckets { limit, buckets: SortedMap::default(), sweep_ms: 0 }
    }

    fn of(&mut self, key: &str, now_ms: u64) -> Result<&mut TokenBucket, Refusal> {
        let key = key.to_owned();
        if self.buckets.len() >= THROTTLE_KEYS && self.buckets.get(&key).is_none() {
            self.sweep(now_ms)?;
        }
        Ok(self.buckets.get_or_insert_with(key, || TokenBucket::full(self.limit, now_ms)))
    }

    /// Makes room, at most once in a hundred milliseconds.
    fn sweep(&mut self, now_ms: u64) -> Result<(), Refusal> {
        const PAUSE_MS: u64 = 100;
        let wait_ms = self.sweep_ms.saturating_sub(now_ms);
        if (1..=PAUSE_MS).contains(&wait_ms) {
            return Err(Refusal::Wait { wait_ms });
        }
        self.buckets.retain(|_, bucket| !bucket.is_full(now_ms));
        if self.buckets.len() < THROTTLE_KEYS {
            return Ok(());
        }
        self.sweep_ms = now_ms.saturating_add(PAUSE_MS);
        Err(Refusal::Wait { wait_ms: PAUSE_MS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(peer: (u64, u64), tenant: (u64, u64)) -> Throttle {
        let limit = |(per_second, burst)| RateLimit { per_second, burst };
        Throttle::new(limit(peer), limit(tenant)).expect("in range")
    }

    #[test]
    fn each_peer_and_each_tenant_gets_its_rate_within_five_percent() {
        let mut throttle = throttle((100, 10), (150, 20));
        let callers = [("a1", "a"), ("a2", "a"), ("b1", "b")];
        let mut granted = [0u32; 3];
        for now in 0..=20_000 {
            for turn in 0..3 {
                let who = (turn + now as usize) % 3;
                let (peer, tenant) = callers[who];
                granted[who] += u32::from(throttle.take(peer, tenant, 1, now).is_ok());
            }
        }
        // Tenant a has two peers that could take 200/s and gets 150/s; tenant b's only peer gets its 100/s.
        let near = |got: u32, ideal: u32| got <= ideal && f64::from(got) >= 0.95 * f64::from(ideal);
        assert!(near(granted[0] + granted[1], 20 + 150 * 20), "{granted:?}");
        assert!(near(granted[2], 10 + 100 * 20), "{granted:?}");
        assert!(granted[0].min(granted[1]) > 900, "one peer starves: {granted:?}");
    }

    #[test]
    fn a_refusal_of_one_takes_nothing_from_the_other() {
        let mut throttle = throttle((1, 5), (1, 8));
        assert_eq!(throttle.take("p", "t", 5, 0), Ok(()));
        assert_eq!(throttle.take("p", "t", 1, 0), Err(Refusal::Wait { wait_ms: 1_000 }));
        assert_eq!(throttle.take("q", "t", 4, 0), Err(Refusal::Wait { wait_ms: 1_000 }));
        assert_eq!(throttle.take("q", "t", 3, 0), Ok(()));
        assert_eq!(throttle.take("p", "t", 4, 0), Err(Refusal::Wait { wait_ms: 4_000 }));
        assert_eq!(throttle.take("q", "u", 6, 0), Err(Refusal::TooMany { asked: 6, burst: 5 }));
    }

    #[test]
    fn strangers_wait_while_all_are_busy_and_full_buckets_are_forgotten() {
        let mut throttle = throttle((1, 2), (1_000_000, 1_000_000));
        for peer in 0..THROTTLE_KEYS {
            throttle.take(&peer.to_string(), "t", 2, 0).expect("the burst is there");
        }
        assert_eq!(throttle.take("stranger", "t", 1, 5), Err(Refusal::Wait { wait_ms: 100 }));
        assert_eq!(throttle.take("stranger", "t", 1, 6), Err(Refusal::Wait { wait_ms: 99 }));
        assert!(throttle.take("7", "t", 1, 1_000).is_ok());
        assert!(throttle.take("stranger", "t", 1, 2_000).is_ok());
        assert_eq!(throttle.peers.buckets.len(), 2, "peer 7 is still busy");
    }
}
