//! eventhubs: to come.
