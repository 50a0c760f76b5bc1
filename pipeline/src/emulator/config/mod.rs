//! Configuration of a namespace and its hubs, with the defaults of the official emulator.

mod config_json; // the configuration file of the official emulator
mod relaxed_json; // comments and encodings of that file

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::clock::{Clock, SystemClock};

use super::faults::FaultSpec;
use super::link_watch::LinkTimeouts;

pub use config_json::{ConfigJsonError, read_config_json};

/// Configuration of a namespace with one hub, or with several.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// TLS on all ports of AMQP; `None` means plain TCP.
    pub tls: Option<TlsConfig>,
    /// Address of AMQP over WebSocket, beside `listen`; port 0 takes any free port.
    pub websocket: Option<SocketAddr>,
    /// The HTTP server with the hub's health.
    pub health: Option<HealthConfig>,
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
    /// Time that events are kept, from their enqueued time on; `None` keeps them until the hub ends, or with a data
    /// folder without end.
    pub retention: Option<Duration>,
    /// Gives events their enqueued time, and decides whether a token has expired.
    pub clock: Arc<dyn Clock>,
    /// Creation time of a new hub, unix milliseconds; `None` means now. An existing data folder keeps its own.
    pub created_at: Option<UnixMillis>,
    /// Idle timeout of a connection, as the hub advertises it in Open.
    pub idle_timeout: Duration,
    /// Times after which a connection without links is closed.
    pub link_timeouts: LinkTimeouts,
    /// Faults to inject from the start.
    pub faults: Vec<FaultSpec>,
    /// Faults may be posted to the HTTP server on other addresses than loopback ones too.
    pub remote_faults: bool,
}

/// TLS with a certificate authority of the hub's own: that of the data folder, else a new one at each start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Names and addresses for the server's certificate, beside those of this machine.
    pub names: Vec<String>,
    /// File that gets the authority's certificate, PEM, before the hub listens.
    pub ca_out: Option<PathBuf>,
}

/// The HTTP server with the hub's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// Address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The hub does not start without it. Otherwise an address in use is a warning.
    pub is_required: bool,
}

/// Configuration of one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubConfig {
    /// Name of the hub.
    pub name: String,
    /// Number of partitions, at least one; `None` means the number in the data folder, or 4 for a new hub.
    pub partitions: Option<u32>,
    /// Names of the consumer groups besides `$Default`, which always exists; `None` means that any group exists.
    pub consumer_groups: Option<Vec<String>>,
}

/// Number of partitions of a new hub.
pub(super) const DEFAULT_PARTITIONS: u32 = 4;

/// The consumer group that every hub has.
pub(super) const DEFAULT_GROUP: &str = "$Default";

/// A kind of name that a configuration gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The name of an event hub.
    EventHub,
    /// The name of a consumer group.
    ConsumerGroup,
}

impl NameKind {
    /// Checks a name by the rules of the service.
    ///
    /// # Source
    /// Protocol reference 5.4, and the service's rules for names in the portal.
    pub(super) fn check(self, name: &str) -> Result<(), NameError> {
        let max = self.max_length();
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = name.as_bytes();
        let is_valid = bytes.len() <= max
            && is_outer(bytes.first())
            && is_outer(bytes.last())
            && bytes.iter().copied().all(is_inner);
        if is_valid { Ok(()) } else { Err(NameError { kind: self, name: name.to_owned() }) }
    }

    /// Maximum length, characters.
    fn max_length(self) -> usize {
        match self {
            Self::EventHub => 256,
            Self::ConsumerGroup => 50,
        }
    }
}

impl fmt::Display for NameKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::EventHub => "an event hub",
            Self::ConsumerGroup => "a consumer group",
        })
    }
}

/// Error for a name that the service does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid name `{name}` of {kind}: use at most {} letters, digits, periods, hyphens and underscores, and begin and \
     end with a letter or a digit",
    kind.max_length()
)]
pub struct NameError {
    kind: NameKind,
    name: String,
}

impl HubConfig {
    /// Checks the names of the hub and of its consumer groups.
    pub(super) fn check_names(&self) -> Result<(), NameError> {
        NameKind::EventHub.check(&self.name)?;
        let groups = self.consumer_groups.iter().flatten();
        let declared = groups.filter(|name| !name.eq_ignore_ascii_case(DEFAULT_GROUP));
        declared.map(String::as_str).try_for_each(|name| NameKind::ConsumerGroup.check(name))
    }
}

impl Config {
    /// Returns the hubs of the namespace, at least one.
    pub(super) fn hubs(&self) -> Vec<HubConfig> {
        if !self.hubs.is_empty() {
            return self.hubs.clone();
        }
        let Self { event_hub, partitions, .. } = self;
        vec![HubConfig { name: event_hub.clone(), partitions: Some(*partitions), consumer_groups: None }]
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            websocket: None,
            health: None,
            event_hub: "events".into(),
            partitions: DEFAULT_PARTITIONS,
            hubs: Vec::new(),
            key_name: "RootManageSharedAccessKey".into(),
            // The official emulator documents this literal: its users' connection strings work here.
            key: "SAS_KEY_VALUE".into(),
            accepts_entra: false,
            data: None,
            retention: None,
            clock: Arc::new(SystemClock),
            created_at: None,
            idle_timeout: Duration::from_mins(4),
            link_timeouts: LinkTimeouts::default(),
            faults: Vec::new(),
            remote_faults: false,
        }
    }
}

/// Omits the key.
impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config")
            .field("listen", &self.listen)
            .field("tls", &self.tls)
            .field("websocket", &self.websocket)
            .field("health", &self.health)
            .field("event_hub", &self.event_hub)
            .field("partitions", &self.partitions)
            .field("hubs", &self.hubs)
            .field("key_name", &self.key_name)
            .field("data", &self.data)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
