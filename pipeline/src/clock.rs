//! clock: to come.
