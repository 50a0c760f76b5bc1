//! Arrow record batches in, committed lake files out.
//!
//! Knows nothing of Event Hubs, Dataverse or threads. Its words: a *source* is one ordered log (for
//! catchwater: one partition of one generation of one hub), an *ordinal* is a place in it.

pub mod parquet; // record batches become the bytes of a file
pub mod store; // where the bytes go: object stores and what they promise
pub mod lake; // which name a file gets, and what that proves
