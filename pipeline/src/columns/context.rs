//! What all buffers of a lane share.

use std::sync::Arc;

use super::Catalog;

/// What all buffers of a lane share: the hub's name, the lake's types, scratch.
#[derive(Debug)]
pub struct Context {
    hub: Arc<str>,
    catalog: Arc<Catalog>,
}

impl Context {
    /// The context of a lane.
    pub fn new(hub: Arc<str>, catalog: Arc<Catalog>) -> Self {
        Self { hub, catalog }
    }
}
