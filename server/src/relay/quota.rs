//! How much is stored for each tenant, and whether there is room for more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use syncline::replica::Space;
use tokio::sync::OnceCell;

use crate::config::QuotaConfig;
use crate::store::{LoadError, Store};

/// Holds what is stored for the tenants that have rooms in memory.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    tenants: Mutex<HashMap<Arc<str>, Weak<Tenant>>>,
}

/// Is what is stored for one tenant. Asked of the store once, then counted.
#[derive(Debug)]
pub(crate) struct Tenant {
    name: Arc<str>,
    read: OnceCell<()>,
    rooms: AtomicI64,
    bytes: AtomicI64,
}

/// Keeps a room's share in its tenant's sum.
pub(crate) struct Share {
    limits: QuotaConfig,
    tenant: Option<Arc<Tenant>>,
    /// What of this room is in the sum.
    bytes: u64,
    /// Whether the room is stored, and so among the tenant's.
    stored: bool,
}

impl Quotas {
    /// What is stored for a tenant.
    ///
    /// # Errors
    /// [`LoadError`] if the store cannot say it.
    pub(super) async fn tenant(&self, store: &Store, name: &str) -> Result<Arc<Tenant>, LoadError> {
        let tenant = self.enter(name);
        let read = || async {
            let sizes = store.tenant(name).await?;
            tenant.rooms.store(sizes.rooms as i64, Ordering::Relaxed);
            tenant.bytes.store(sizes.bytes as i64, Ordering::Relaxed);
            Ok::<(), LoadError>(())
        };
        tenant.read.get_or_try_init(read).await?;
        Ok(tenant)
    }

    /// Counts a room that was brought back, unless its tenant is not counted now.
    pub(super) async fn came_back(&self, store: &Store, name: &str) {
        // Without an answer the sum is too low until the tenant's rooms are all unloaded.
        let (Ok(Some(room)), Ok(about)) = (store.room(name).await, store.about(name).await) else { return };
        let counted = |tenant: String| self.lock().get(&*tenant).and_then(Weak::upgrade);
        let Some(tenant) = about.tenant.and_then(counted).filter(|tenant| tenant.read.initialized()) else { return };
        tenant.add(1, (room.log_bytes + room.snapshot_bytes) as i64);
    }

    fn enter(&self, name: &str) -> Arc<Tenant> {
        let mut tenants = self.lock();
        if let Some(tenant) = tenants.get(name).and_then(Weak::upgrade) {
            return tenant;
        }
        tenants.retain(|_, tenant| tenant.strong_count() > 0);
        let (name, read) = (Arc::<str>::from(name), OnceCell::new());
        let tenant = Arc::new(Tenant { name: name.clone(), read, rooms: AtomicI64::new(0), bytes: AtomicI64::new(0) });
        tenants.insert(name, Arc::downgrade(&tenant));
        tenant
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Weak<Tenant>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenant {
    fn add(&self, rooms: i64, bytes: i64) {
        self.rooms.fetch_add(rooms, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Share {
    /// Begins with a room that has `bytes` in the store, where it is if `stored`.
    pub(super) fn new(limits: QuotaConfig, tenant: Option<Arc<Tenant>>, bytes: u64, stored: bool) -> Share {
        Share { limits, tenant, bytes, stored }
    }

    /// Whether there are limits at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.limits != QuotaConfig::default()
    }

    /// Whether the room may become that of a tenant: it is new and has none.
    pub(super) fn wants_tenant(&self) -> bool {
        !self.stored && self.tenant.is_none()
    }

    pub(super) fn belongs_to(&mut self, tenant: Arc<Tenant>) {
        self.tenant = Some(tenant);
    }

    /// Whose room it is.
    pub(crate) fn tenant(&self) -> Option<Arc<str>> {
        self.tenant.as_ref().map(|tenant| tenant.name.clone())
    }

    /// Counts what the room has now.
    pub(crate) fn tell(&mut self, bytes: u64, stored: bool) {
        if let Some(tenant) = &self.tenant {
            tenant.add(i64::from(stored) - i64::from(self.stored), bytes as i64 - self.bytes as i64);
        }
        (self.bytes, self.stored) = (bytes, stored);
    }

    /// How much more may be stored; `None` for no limit.
    pub(crate) fn space(&self) -> Option<Space> {
        let QuotaConfig { room_bytes, tenant_bytes, tenant_rooms } = self.limits;
        let sum = |of: fn(&Tenant) -> &AtomicI64| {
            self.tenant.as_ref().map_or(0, |tenant| of(tenant).load(Ordering::Relaxed).max(0) as u64)
        };
        let room = (room_bytes > 0).then(|| Space {
            left: room_bytes.saturating_sub(self.bytes),
            reason: format!("the room has all the {room_bytes} bytes that it may have; delete something first"),
        });
        let tenant = (tenant_bytes > 0 && self.tenant.is_some()).then(|| Space {
            left: tenant_bytes.saturating_sub(sum(|tenant| &tenant.bytes)),
            reason: format!(
                "the rooms of this tenant have all the {tenant_bytes} bytes that they may have; delete something first"
            ),
        });
        let new = !self.stored && tenant_rooms > 0 && sum(|tenant| &tenant.rooms) >= tenant_rooms;
        let rooms = new.then(|| Space {
            left: 0,
            reason: format!("this tenant has all the {tenant_rooms} rooms that it may have; delete one first"),
        });
        [room, tenant, rooms].into_iter().flatten().min_by_key(|space| space.left)
    }

    /// Whether nothing is left.
    pub(crate) fn is_full(&self) -> bool {
        self.space().is_some_and(|space| space.left == 0)
    }

    /// Whether a snapshot may bring the room below its limit, or keep it there.
    pub(crate) fn wants_snapshot(&self, log_bytes: u64, snapshot_bytes: u64) -> bool {
        let most = self.limits.room_bytes;
        let nearly = most > 0 && log_bytes > most.saturating_sub(snapshot_bytes) / 2;
        log_bytes > 0 && (nearly || self.is_full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Arc<Tenant> {
        Quotas::default().enter("acme")
    }

    #[test]
    fn rooms_of_a_tenant_share_its_limits() {
        let limits = QuotaConfig { tenant_bytes: 100, tenant_rooms: 2, ..QuotaConfig::default() };
        let tenant = tenant();
        let share = |stored| Share::new(limits.clone(), Some(tenant.clone()), 0, stored);
        let (mut one, mut two, three) = (share(false), share(false), share(false));
        one.tell(60, true);
        assert!(!two.is_full());
        two.tell(30, true);
        assert!(!one.is_full() && !two.is_full(), "rooms that are there go on");
        assert!(three.space().is_some_and(|space| space.left == 0 && space.reason.contains("2 rooms")));
        two.tell(40, true);
        assert!(one.space().is_some_and(|space| space.reason.contains("100 bytes")) && one.is_full() && two.is_full());
        two.tell(0, false);
        assert!(!one.is_full() && !three.is_full(), "a deleted room is not counted");
    }

    #[test]
    fn a_room_has_a_limit_of_its_own() {
        let limits = QuotaConfig { room_bytes: 1000, ..QuotaConfig::default() };
        let mut share = Share::new(limits, None, 0, false);
        share.tell(999, true);
        assert!(!share.is_full() && share.wants_snapshot(600, 399) && !share.wants_snapshot(100, 800));
        share.tell(1000, true);
        assert!(share.is_full() && share.wants_snapshot(1, 999) && !share.wants_snapshot(0, 1000));
        assert!(!Share::new(QuotaConfig::default(), None, 1 << 50, true).is_limited());
    }
}
