//! generator: to come.
