//! catchwater: Dataverse events from an Azure Event Hub into a Parquet lake, each exactly once.
//!
//! A program first: [`run_command_line`] is all of it. A program of your own starts [`run`] with a [`Config`], and
//! tests it against an [`Emulator`]. The modules are private; they are listed in reading order, and
//! `docs/ARCHITECTURE.md` has the picture.

// Without the feature `internals` the entry points of benches, fuzz targets and tests have no caller.
#![cfg_attr(
    not(feature = "internals"),
    allow(dead_code, unreachable_pub, unused_imports, reason = "see above")
)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

// The way of an event.
mod eventhubs; // bytes arrive
mod parse; // bytes become change events
mod columns; // change events become columns of a table
mod run; // threads, channels, back-pressure; hands columns to `catchwater_sinks`

// Types that the stages share.
mod position; // where in a hub
mod event; // raw events, change events and their values
mod budget; // bytes in flight
mod clock; // points in time
mod metrics; // counters of a run
mod subslice; // byte range of a part in its whole

// Around it.
mod amqp; // AMQP 1.0 on the wire, shared by the emulator and the client
mod websocket; // bytes in the messages of a WebSocket, shared by both too
mod partitions; // from where each partition is read
mod emulator; // an event hub on this machine
mod generator; // made-up Dataverse events
mod cli; // the commands

pub use cli::main as run_command_line;
pub use clock::{Clock, SystemClock};
pub use emulator::{Config as EmulatorConfig, Emulator, HubConfig, HubHandle};
pub use eventhubs::{ConnectionString, HubAccess};
pub use metrics::Metrics;
pub use run::{Config, Drain, Error, StartAt, Summary, Until, run};

/// All modules, for benches, fuzz targets and the tests of this repository. No promise is made about them.
#[cfg(feature = "internals")]
pub mod internals {
    /// See `amqp` in `docs/ARCHITECTURE.md`.
    pub mod amqp {
        pub use crate::amqp::*;
    }
    /// See `budget` in `docs/ARCHITECTURE.md`.
    pub mod budget {
        pub use crate::budget::*;
    }
    /// See `clock` in `docs/ARCHITECTURE.md`.
    pub mod clock {
        pub use crate::clock::*;
    }
    /// See `columns` in `docs/ARCHITECTURE.md`.
    pub mod columns {
        pub use crate::columns::*;
    }
    /// See `emulator` in `docs/ARCHITECTURE.md`.
    pub mod emulator {
        pub use crate::emulator::*;
    }
    /// See `event` in `docs/ARCHITECTURE.md`.
    pub mod event {
        pub use crate::event::*;
    }
    /// See `eventhubs` in `docs/ARCHITECTURE.md`.
    pub mod eventhubs {
        pub use crate::eventhubs::*;
    }
    /// See `generator` in `docs/ARCHITECTURE.md`.
    pub mod generator {
        pub use crate::generator::*;
    }
    /// See `metrics` in `docs/ARCHITECTURE.md`.
    pub mod metrics {
        pub use crate::metrics::*;
    }
    /// See `parse` in `docs/ARCHITECTURE.md`.
    pub mod parse {
        pub use crate::parse::*;
    }
    /// See `partitions` in `docs/ARCHITECTURE.md`.
    pub mod partitions {
        pub use crate::partitions::*;
    }
    /// See `position` in `docs/ARCHITECTURE.md`.
    pub mod position {
        pub use crate::position::*;
    }
    /// See `run` in `docs/ARCHITECTURE.md`.
    pub mod run {
        pub use crate::run::*;
    }
}
