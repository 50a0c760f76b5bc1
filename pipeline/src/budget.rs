//! budget: to come.
