//! partitions: to come.
