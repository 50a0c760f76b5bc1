//! lake: to come.
