//! columns: to come.
