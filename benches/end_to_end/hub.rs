//! A hub in this process, on a core of its own, filled before anybody reads it.

use std::io;
use std::sync::Arc;

use catchwater::internals::emulator::{self, Emulator, NewEvent};
use catchwater::internals::position::PartitionId;
use catchwater_benches::machine::{on_cores, own_cores};
use tokio::runtime::{Builder, Runtime};

/// See the module.
pub(crate) struct Hub {
    emulator: Arc<Emulator>,
    // Last, so that the hub goes before it.
    _runtime: Runtime,
}

/// Assignment of cores.
pub(crate) struct Cores {
    /// Those of the program that is measured.
    pub(crate) program: Vec<usize>,
    /// The hub's.
    pub(crate) hub: usize,
}

impl Cores {
    /// The first core for the program and the last for the hub; or all for the program, of which the hub takes its
    /// part of the last.
    pub(crate) fn of_machine(all: bool) -> io::Result<Self> {
        let cores = own_cores()?;
        let hub = cores.last().copied().unwrap_or_default();
        let program = if all { cores } else { cores.into_iter().take(1).collect() };
        Ok(Self { program, hub })
    }
}

impl Hub {
    pub(crate) fn start(partitions: u32, core: usize) -> io::Result<Self> {
        on_cores(&[core], || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            let config = emulator::Config { partitions, ..emulator::Config::default() };
            let emulator = runtime.block_on(Emulator::start(config)).map_err(io::Error::other)?;
            Ok(Self { emulator: Arc::new(emulator), _runtime: runtime })
        })
    }

    /// Appends an event, with the properties that Dataverse's own have, to the n-th partition in turn.
    pub(crate) fn append(&self, n: usize, body: &[u8], content_type: &str) -> io::Result<()> {
        let partition = PartitionId::new((n % self.emulator.partitions() as usize) as u32);
        let event =
            NewEvent { body, content_type: Some(content_type), properties: PROPERTIES, partition_key: None };
        self.emulator.append(partition, &event).map_err(io::Error::other)?;
        Ok(())
    }

    pub(crate) fn connection_string(&self) -> String {
        self.emulator.connection_string()
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.emulator.address()
    }
}

/// As Dataverse sends them.
const PROPERTIES: &[(&str, &str)] = &[
    ("http://schemas.microsoft.com/xrm/2011/Claims/Organization", "contoso.crm4.dynamics.com"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/User", "d89254ff-9438-4f11-a315-000d3a5a54dc"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/InitiatingUser", "d89254ff-9438-4f11-a315-000d3a5a54dc"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName", "account"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/RequestName", "Update"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/InitiatingUserAgent", "Mozilla/5.0"),
];
