//! How fast a connection may send, alone and together with the others of its tenant.
//!
//! Whoever sends faster is not punished: its socket is read later, so TCP holds it back, and nothing is lost. What a tenant
//! has spent is remembered as long as one of its connections is open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use syncline::flow::{OptionError, RateLimit, Refusal, TokenBucket};

use tokio::time::sleep;

use super::connection::Alive;
use super::outbox::Outbox;
use crate::config::RateConfig;
use crate::metrics::Metrics;
use crate::relay::now_ms;

/// Seconds of its rate that a sender may save up and spend at once.
const BURST_SECONDS: u64 = 2;

/// Least burst in bytes: two frames of the largest size.
const BURST_BYTES_MIN: u64 = 2 * syncline::bounds::FRAME_BYTES as u64;

/// Longest pause at a time. Whoever waits looks then whether the connection still goes on.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The rates of everyone with a tenant who is connected to one relay.
#[derive(Debug)]
pub(crate) struct Tenants {
    limits: RateConfig,
    /// A tenant without connections is taken out when the table has grown to `sweep_at`.
    tenants: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    by_name: BTreeMap<String, Weak<Mutex<Buckets>>>,
    sweep_at: usize,
}

/// A table smaller than this is not searched for tenants that have gone.
const SWEEP_MIN: usize = 64;

#[derive(Debug)]
struct Buckets {
    frames: TokenBucket,
    bytes: TokenBucket,
    /// Most bytes that one frame can cost: a larger one takes the whole burst.
    burst: u64,
}

/// What one connection and its tenant may send.
pub(crate) struct Pace {
    own: Buckets,
    tenant: Option<Arc<Mutex<Buckets>>>,
}

/// A tenant has as many connections as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TenantFull;

impl Tenants {
    pub(crate) fn new(limits: RateConfig) -> Tenants {
        Tenants { limits, tenants: Mutex::new(Table { by_name: BTreeMap::new(), sweep_at: SWEEP_MIN }) }
    }

    /// The pace of a connection of nobody yet.
    ///
    /// # Errors
    /// [`OptionError`] if a limit is out of range, which checked settings are not.
    pub(crate) fn stranger(&self) -> Result<Pace, OptionError> {
        let own = Buckets::new(self.limits.connection_frames, self.limits.connection_bytes)?;
        Ok(Pace { own, tenant: None })
    }

    /// Counts a connection among those of its tenant, until its pace is dropped. The first tenant of a connection counts.
    ///
    /// # Errors
    /// [`TenantFull`]; it must be closed.
    pub(crate) fn enter(&self, pace: &mut Pace, tenant: &str) -> Result<(), TenantFull> {
        if pace.tenant.is_some() {
            return Ok(());
        }
        let mut table = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let known = table.by_name.get(tenant).and_then(Weak::upgrade);
        // One reference is that of `known` itself.
        if known.as_ref().is_some_and(|known| Arc::strong_count(known) > self.limits.tenant_connections) {
            return Err(TenantFull);
        }
        let shared = match known {
            Some(known) => known,
            None => {
                let buckets = Buckets::new(self.limits.tenant_frames, self.limits.tenant_bytes);
                let made = Arc::new(Mutex::new(buckets.map_err(|_| TenantFull)?));
                table.add(tenant, &made);
                made
            }
        };
        pace.tenant = Some(shared);
        Ok(())
    }
}

impl Table {
    fn add(&mut self, tenant: &str, shared: &Arc<Mutex<Buckets>>) {
        if self.by_name.len() >= self.sweep_at {
            self.by_name.retain(|_, shared| shared.strong_count() > 0);
            self.sweep_at = (2 * self.by_name.len()).max(SWEEP_MIN);
        }
        self.by_name.insert(tenant.to_owned(), Arc::downgrade(shared));
    }
}

impl Pace {
    /// Waits until a frame may pass; what comes after it waits in the socket.
    pub(crate) async fn hold_back(&mut self, bytes: usize, metrics: &Metrics, outbox: &Outbox, alive: &Alive) {
        if self.take(bytes).is_ok() {
            return;
        }
        metrics.held_back.inc();
        while let Err(wait) = self.take(bytes)
            && !outbox.is_closing()
        {
            sleep(wait).await;
            // It is not the peer who is silent.
            alive.now();
        }
    }

    /// Takes what a frame costs; otherwise says how long to wait before asking again.
    fn take(&mut self, bytes: usize) -> Result<(), Duration> {
        let (bytes, now) = (bytes as u64, now_ms());
        let mut tenant = self.tenant.as_ref().map(|tenant| tenant.lock().unwrap_or_else(PoisonError::into_inner));
        let mut both = [Some(&mut self.own), tenant.as_deref_mut()];
        // All or nothing: what one has is not spent while the other has to wait.
        let waits = both.iter_mut().flatten().filter_map(|buckets| buckets.wait(bytes, now));
        match waits.max() {
            Some(wait) => Err(wait.min(PAUSE_MAX)),
            None => {
                both.into_iter().flatten().for_each(|buckets| buckets.spend(bytes, now));
                Ok(())
            }
        }
    }
}

impl Buckets {
    fn new(frames: u64, bytes: u64) -> Result<Buckets, OptionError> {
        let now = now_ms();
        let burst = bytes.saturating_mul(BURST_SECONDS).max(BURST_BYTES_MIN);
        Ok(Buckets {
            frames: TokenBucket::new(RateLimit { per_second: frames, burst: frames * BURST_SECONDS }, now)?,
            bytes: TokenBucket::new(RateLimit { per_second: bytes, burst }, now)?,
            burst,
        })
    }

    /// How long until a frame may pass; `None` if it may now.
    fn wait(&mut self, bytes: u64, now: u64) -> Option<Duration> {
        let wait = |refused| match refused {
            Refusal::Wait { wait_ms } => Duration::from_millis(wait_ms.max(1)),
            // No frame costs more than a burst.
            _ => PAUSE_MAX,
        };
        let waits = [self.frames.check(1, now).err(), self.bytes.check(bytes.min(self.burst), now).err()];
        waits.into_iter().flatten().map(wait).max()
    }

    fn spend(&mut self, bytes: u64, now: u64) {
        // `wait` has found that they are there.
        let _ = self.frames.take(1, now);
        let _ = self.bytes.take(bytes.min(self.burst), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> RateConfig {
        RateConfig { connection_frames: 10, tenant_frames: 15, tenant_connections: 3, ..RateConfig::default() }
    }

    #[test]
    fn a_connection_has_its_burst_and_then_its_rate() {
        let tenants = Tenants::new(limits());
        let mut pace = tenants.stranger().unwrap();
        assert!((0..20).all(|_| pace.take(1).is_ok()));
        assert!(pace.take(1).is_err_and(|wait| wait <= Duration::from_millis(100)));
    }

    #[test]
    fn connections_of_a_tenant_share_its_burst_and_others_do_not() {
        let tenants = Tenants::new(limits());
        let [mut one, mut two, mut other] = [0; 3].map(|_| tenants.stranger().unwrap());
        assert_eq!(tenants.enter(&mut one, "acme"), Ok(()));
        assert_eq!(tenants.enter(&mut two, "acme"), Ok(()));
        assert_eq!(tenants.enter(&mut other, "globex"), Ok(()));
        assert!((0..20).all(|_| one.take(1).is_ok()));
        assert!((0..10).all(|_| two.take(1).is_ok()));
        assert!(two.take(1).is_err());
        assert!((0..20).all(|_| other.take(1).is_ok()));
    }

    #[test]
    fn bytes_are_limited_and_the_largest_frame_always_passes_in_time() {
        let tenants = Tenants::new(RateConfig { connection_bytes: 64 * 1024, ..RateConfig::default() });
        let mut pace = tenants.stranger().unwrap();
        assert!(pace.take(syncline::bounds::FRAME_BYTES).is_ok());
        assert!(pace.take(syncline::bounds::FRAME_BYTES).is_ok());
        assert!(pace.take(syncline::bounds::FRAME_BYTES).is_err());
        // One beyond every burst takes all of it, and does not wait for ever.
        let mut other = tenants.stranger().unwrap();
        assert!(other.take(usize::MAX / 2).is_ok());
        assert!(other.take(1).is_err());
    }

    #[test]
    fn a_tenant_has_so_many_connections_and_those_that_ended_do_not_count() {
        let tenants = Tenants::new(limits());
        let mut paces: Vec<Pace> = (0..4).map(|_| tenants.stranger().unwrap()).collect();
        let entered: Vec<bool> = paces.iter_mut().map(|pace| tenants.enter(pace, "acme").is_ok()).collect();
        assert_eq!(entered, [true, true, true, false]);
        paces.remove(0);
        let mut next = tenants.stranger().unwrap();
        assert_eq!(tenants.enter(&mut next, "acme"), Ok(()));
    }

    #[test]
    fn tenants_that_have_gone_are_forgotten() {
        let tenants = Tenants::new(limits());
        for number in 0..1_000 {
            let mut pace = tenants.stranger().unwrap();
            tenants.enter(&mut pace, &number.to_string()).unwrap();
        }
        assert!(tenants.tenants.lock().unwrap().by_name.len() <= SWEEP_MIN);
    }
}
