//! Configuration of a hub, with the defaults of the official emulator.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::clock::{Clock, SystemClock};

/// Configuration of a hub.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Name of the hub.
    pub event_hub: String,
    /// Number of partitions, at least one.
    pub partitions: u32,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            event_hub: "events".into(),
            partitions: 4,
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
            .field("key_name", &self.key_name)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}
