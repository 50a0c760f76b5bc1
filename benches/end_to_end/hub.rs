//! A hub in this process, on its own core, filled before it is read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use catchwater::internals::emulator::{self, Emulator, NewEvent};
use catchwater::internals::position::PartitionId;
use catchwater_benches::machine::{on_cores, own_cores};
use tokio::runtime::{Builder, Runtime};

/// An emulated hub and its runtime.
pub(crate) struct Hub {
    emulator: Arc<Emulator>,
    core: usize,
    // Dropped last: the hub needs it.
    _runtime: Runtime,
}

/// Assignment of cores.
pub(crate) struct Cores {
    /// Cores of the measured program.
    pub(crate) program: Vec<usize>,
    /// Core of the hub.
    pub(crate) hub: usize,
}

impl Cores {
    /// The first core for the program and the last for the hub. With `all`, the program gets all cores and shares the
    /// last one with the hub.
    pub(crate) fn of_machine(all: bool) -> io::Result<Self> {
        let cores = own_cores()?;
        let hub = cores.last().copied().unwrap_or_default();
        let program = if all { cores } else { cores.into_iter().take(1).collect() };
        Ok(Self { program, hub })
    }
}

impl Hub {
    pub(crate) fn start(partitions: u32, core: usize) -> io::Result<Self> {
        Self::start_in(partitions, core, None)
    }

    /// Starts a hub that keeps its events in a folder.
    pub(crate) fn start_in(partitions: u32, core: usize, data: Option<PathBuf>) -> io::Result<Self> {
        on_cores(&[core], || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            let config = emulator::Config { partitions, data, ..emulator::Config::default() };
            let emulator = runtime.block_on(Emulator::start(config)).map_err(io::Error::other)?;
            Ok(Self { emulator: Arc::new(emulator), core, _runtime: runtime })
        })
    }

    /// Appends the n-th event, with Dataverse's properties; partitions take turns.
    pub(crate) fn append(&self, n: usize, body: &[u8], content_type: &str) -> io::Result<()> {
        let partition = PartitionId::new((n % self.emulator.partitions() as usize) as u32);
        let event =
            NewEvent { body, content_type: Some(content_type), properties: PROPERTIES, partition_key: None };
        self.emulator.append(partition, &event).map_err(io::Error::other)?;
        Ok(())
    }

    /// Core that the hub runs on.
    pub(crate) fn core(&self) -> usize {
        self.core
    }

    pub(crate) fn connection_string(&self) -> String {
        self.emulator.connection_string()
    }

    /// Address that the hub listens on.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.emulator.address()
    }
}

/// Application properties as Dataverse sends them.
const PROPERTIES: &[(&str, &str)] = &[
    ("http://schemas.microsoft.com/xrm/2011/Claims/Organization", "contoso.crm4.dynamics.com"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/User", "d89254ff-9438-4f11-a315-000d3a5a54dc"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/InitiatingUser", "d89254ff-9438-4f11-a315-000d3a5a54dc"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName", "account"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/RequestName", "Update"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/InitiatingUserAgent", "Mozilla/5.0"),
];
