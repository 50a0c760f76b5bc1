//! An object store that misbehaves on demand: for tests of whoever writes to a store.
