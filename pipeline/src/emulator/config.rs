//! Configuration of a namespace and its hubs, with the defaults of the official emulator.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::clock::{Clock, SystemClock};

/// Configuration of a namespace with one hub, or with several.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Name of the hub, if `hubs` is empty.
    pub event_hub: String,
    /// Number of partitions of the hub, if `hubs` is empty; at least one.
    pub partitions: u32,
    /// The hubs; empty means one hub, `event_hub`, in which any consumer group exists.
    pub hubs: Vec<HubConfig>,
    /// Name of the shared access key.
    pub key_name: String,
    /// The shared access key.
    pub key: String,
    /// Accepts tokens of Microsoft Entra for Event Hubs, of any tenant and with any signature.
    pub accepts_entra: bool,
    /// Folder in which events survive a restart; `None` keeps them in memory only.
    pub data: Option<PathBuf>,
    /// Gives events their enqueued time, and decides whether a token has expired.
    pub clock: Arc<dyn Clock>,
    /// Creation time of a new hub, unix milliseconds; `None` means now. An existing data folder keeps its own.
    pub created_at: Option<UnixMillis>,
    /// Idle timeout of a connection, as the hub advertises it in Open.
    pub idle_timeout: Duration,
}

/// Configuration of one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubConfig {
    /// Name of the hub.
    pub name: String,
    /// Number of partitions, at least one.
    pub partitions: u32,
    /// Names of the consumer groups besides `$Default`, which always exists; `None` means that any group exists.
    pub consumer_groups: Option<Vec<String>>,
}

impl Config {
    /// Returns the hubs of the namespace, at least one.
    pub(super) fn hubs(&self) -> Vec<HubConfig> {
        if !self.hubs.is_empty() {
            return self.hubs.clone();
        }
        let Self { event_hub, partitions, .. } = self;
        vec![HubConfig { name: event_hub.clone(), partitions: *partitions, consumer_groups: None }]
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            event_hub: "events".into(),
            partitions: 4,
            hubs: Vec::new(),
            key_name: "RootManageSharedAccessKey".into(),
            // The official emulator documents this literal: its users' connection strings work here.
            key: "SAS_KEY_VALUE".into(),
            accepts_entra: false,
            data: None,
            clock: Arc::new(SystemClock),
            created_at: None,
            idle_timeout: Duration::from_mins(4),
        }
    }
}

/// Omits the key.
impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config")
            .field("listen", &self.listen)
            .field("event_hub", &self.event_hub)
            .field("partitions", &self.partitions)
            .field("hubs", &self.hubs)
            .field("key_name", &self.key_name)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}
