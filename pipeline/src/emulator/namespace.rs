//! The namespace: its hubs, its key and its clock, shared by all connections.
//!
//! Owns the lookup of a hub by name, and the counters of tokens. Does not own: the partitions of a hub (`hub`).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::amqp::condition;
use crate::clock::{Clock, UnixMillis};

use super::access::AccessKey;
use super::config::{Config, HubConfig};
use super::data::DataFolder;
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
    /// The folder that survives a restart.
    data: Option<DataFolder>,
    /// Number of hubs that have ended because another one has their name.
    ended: AtomicU64,
}

impl Namespace {
    /// Opens the hubs of a configuration, with the events of its data folder.
    pub(super) fn open(config: &Config) -> Result<Self, hub::Error> {
        let described = config.hubs();
        check_names(&described)?;
        let data = config.data.as_deref().map(DataFolder::open).transpose()?;
        if let Some(data) = &data {
            warn_of_others(data, &described)?;
        }
        let faults = Arc::new(Faults::default());
        let open = |hub: &HubConfig| {
            let folder = data.as_ref().map(|data| data.of_hub(&hub.name));
            Hub::open(hub, config, Arc::clone(&faults), folder.as_deref()).map(Arc::new)
        };
        let hubs = described.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            hubs: RwLock::new(hubs),
            access: AccessKey { name: config.key_name.clone(), key: config.key.clone() },
            accepts_entra: config.accepts_entra,
            tokens: AtomicU64::new(0),
            lapsed: AtomicU64::new(0),
            faults,
            clock: Arc::clone(&config.clock),
            data,
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

    /// Adds empty partitions to a hub.
    ///
    /// # Errors
    /// More partitions than a hub can have, or a data folder that can't be written.
    pub(super) fn add_partitions(&self, name: &str, count: u32) -> Result<(), hub::Error> {
        // While this lock is held, the hub is not replaced.
        let hubs = self.locked();
        hubs.iter().find(|hub| hub.is_named(name)).map_or(Ok(()), |hub| hub.add_partitions(count))
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

    /// Lets another process use the data folder. A hub is not written after this.
    pub(super) fn release(&self) {
        if let Some(data) = &self.data {
            data.release();
        }
    }

    fn locked(&self) -> RwLockReadGuard<'_, Vec<Arc<Hub>>> {
        self.hubs.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_names(hubs: &[HubConfig]) -> Result<(), hub::Error> {
    let mut names = BTreeSet::new();
    for hub in hubs {
        hub.check_names()?;
        if !names.insert(hub.name.to_lowercase()) {
            return Err(hub::Error::SameName(hub.name.clone()));
        }
    }
    Ok(())
}

fn warn_of_others(data: &DataFolder, hubs: &[HubConfig]) -> Result<(), hub::Error> {
    let names: Vec<_> = hubs.iter().map(|hub| hub.name.clone()).collect();
    for event_hub in data.other_hubs(&names)? {
        tracing::warn!(event_hub, "the data folder has a hub that the configuration does not name");
    }
    Ok(())
}
