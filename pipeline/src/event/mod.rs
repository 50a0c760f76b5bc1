//! event: to come.
