//! Arrow record batches in, committed lake files out.
//!
//! Knows nothing of Event Hubs, Dataverse or threads. A *source* is one ordered log (in catchwater: one partition of
//! one generation of one hub), an *ordinal* is a place in it. Each module imports only modules above it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod error_chain; // an error with its causes, each text once
pub mod backoff; // delays between attempts at a request
pub mod ordinals; // places in a source: one, a range, a set
pub mod store; // object stores: addresses, requests, and what they promise
pub mod paths; // the keys of a lake, and the names of sources and days in them
pub mod parquet; // record batches become the bytes of a file, and back
pub mod lake; // the commit protocol, the records and the audit of a lake

/// The version of the contract between a lake and its readers: types, names and records. A lake keeps one version for
/// as long as it exists.
pub const CONTRACT: u32 = 2;
