//! The namespace: its hubs, its key and its clock, shared by all connections.
//!
//! Owns the lookup of a hub by name, and the counters of tokens. Does not own: the partitions of a hub (`hub`).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::amqp::condition;
use crate::clock::{Clock, UnixMillis};

use super::access::AccessKey;
use super::config::Config;
use super::faults::Faults;
use super::hub::{self, Hub};
use super::refusal::Refusal;

/// A namespace of hubs.
#[derive(Debug)]
pub(super) struct Namespace {
    /// The hubs in the order of the configuration; never empty.
    hubs: RwLock<Vec<Arc<Hub>>>,
    pub(super) access: AccessKey,
    /// Accepts tokens of Microsoft Entra.
    pub(super) accepts_entra: bool,
    /// Number of tokens accepted.
    pub(super) tokens: AtomicU64,
    /// Number of links detached because their token had expired.
    pub(super) lapsed: AtomicU64,
    /// Faults to inject into connections and into the links of all hubs.
    pub(super) faults: Arc<Faults>,
    clock: Arc<dyn Clock>,
    /// Number of hubs that have ended because another one has their name.
    ended: AtomicU64,
}

impl Namespace {
    /// Opens the hubs of a configuration, with the events of its data folder.
    pub(super) fn open(config: &Config) -> Result<Self, hub::Error> {
        let mut names = BTreeSet::new();
        if let Some(hub) = config.hubs().into_iter().find(|hub| !names.insert(hub.name.to_lowercase())) {
            return Err(hub::Error::SameName(hub.name));
        }
        let faults = Arc::new(Faults::default());
        let open = |hub| Hub::open(hub, config, Arc::clone(&faults)).map(Arc::new);
        let hubs = config.hubs().iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            hubs: RwLock::new(hubs),
            access: AccessKey { name: config.key_name.clone(), key: config.key.clone() },
            accepts_entra: config.accepts_entra,
            tokens: AtomicU64::new(0),
            lapsed: AtomicU64::new(0),
            faults,
            clock: Arc::clone(&config.clock),
            ended: AtomicU64::new(0),
        })
    }

    /// Returns the current time.
    pub(super) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Returns a hub by its name, in upper or lower case.
    pub(super) fn hub(&self, name: &str) -> Option<Arc<Hub>> {
        self.locked().iter().find(|hub| hub.is_named(name)).map(Arc::clone)
    }

    /// Returns the first hub of the configuration.
    pub(super) fn first(&self) -> Arc<Hub> {
        Arc::clone(&self.locked()[0])
    }

    /// Returns the hubs in the order of the configuration.
    pub(super) fn hubs(&self) -> Vec<Arc<Hub>> {
        self.locked().clone()
    }

    /// Creates a hub again, as an operator does who deletes it first: it is empty and has a new creation time. The
    /// links of the old hub are detached.
    pub(super) fn recreate(&self, hub: &Arc<Hub>) -> Result<(), hub::Error> {
        let text = "The link was detached because the hub was deleted and created again.";
        let next = UnixMillis::new(hub.created_at.get().saturating_add(1));
        self.replace(hub, self.now().max(next), text)
    }

    /// Empties a hub, whose sequence numbers begin at 0 again while its creation time remains. The official emulator
    /// does this at each restart. The links of the hub are detached.
    pub(super) fn renumber(&self, hub: &Arc<Hub>) -> Result<(), hub::Error> {
        let text = "The link was detached because the hub has lost its events.";
        self.replace(hub, hub.created_at, text)
    }

    fn replace(&self, old: &Arc<Hub>, created_at: UnixMillis, text: &str) -> Result<(), hub::Error> {
        let mut hubs = self.hubs.write().unwrap_or_else(PoisonError::into_inner);
        // A hub that another call has replaced meanwhile is empty already.
        let Some(hub) = hubs.iter_mut().find(|hub| Arc::ptr_eq(hub, old)) else { return Ok(()) };
        *hub = Arc::new(old.successor(created_at)?);
        drop(hubs);
        old.end(Refusal::new(condition::DETACH_FORCED, text));
        // A connection that attaches a link to the old hub now has yet to look at this number.
        self.ended.fetch_add(1, Ordering::Release);
        old.wake_links();
        Ok(())
    }

    /// Returns the number of hubs that have ended; once it changes, a connection detaches their links.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    fn locked(&self) -> RwLockReadGuard<'_, Vec<Arc<Hub>>> {
        self.hubs.read().unwrap_or_else(PoisonError::into_inner)
    }
}
