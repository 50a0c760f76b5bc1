//! emulator: to come.
