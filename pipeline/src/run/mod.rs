//! Threads, channels and back-pressure around the stages; what is durable, and so checkpointed.

pub mod ledger; // what is durable of one partition
