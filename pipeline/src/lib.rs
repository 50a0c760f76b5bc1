//! catchwater: Dataverse events from an Azure Event Hub into a Parquet lake, each exactly once.
//!
//! The modules stand in reading order: first the way of an event, then the words its stages share,
//! then what stands around it. `docs/ARCHITECTURE.md` has the picture.

// The way of an event.
pub mod eventhubs; // bytes arrive
pub mod parse; // bytes become change events
pub mod columns; // change events become columns of a table
pub mod run; // threads, channels, back-pressure; hands columns to `catchwater_sinks`

// The words they share.
pub mod position;
pub mod event;
pub mod budget;
pub mod clock;
pub mod error_chain; // an error with its causes, each text once
pub mod metrics;
mod subslice; // byte range of a part in its whole

// Around it.
pub mod amqp; // AMQP 1.0 on the wire, shared by the emulator and the client
pub mod partitions; // from where each partition is read
pub mod emulator;
pub mod generator;
pub mod cli;
