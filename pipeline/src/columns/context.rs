//! Shared state of a lane's buffers.
//!
//! Owns: the directories of the lane's tables, and the scratch memory of one event.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::catalog::Catalog;
use super::directory::{Directory, SlotId};
use super::encoded_rows::StagedRow;
use super::evidence::Notes;
use super::marks::Marks;
use super::normal_form::NormalForm;
use crate::event::tree::NodeId;
use crate::event::value::Parts;

/// Shared state of a lane's buffers: the hub's name, the lake's types, the directory of each table, scratch memory.
#[derive(Debug)]
pub struct Context {
    pub(super) hub: Arc<str>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) directories: Directories,
    pub(super) scratch: Scratch,
    pub(super) staged: StagedRow,
    by_table: HashMap<Box<str>, DirectoryId>,
    version: u64,
}

/// Working memory of one event, most of it of one row. It is kept so that no event allocates.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) marks: Marks,
    pub(super) normal: NormalForm,
    /// The lookups of the current row.
    pub(super) lookups: Vec<Lookup>,
    /// The formatted values without a column, as (attribute's name, formatted value).
    pub(super) formatted_values: Vec<(NodeId, NodeId)>,
    /// The registered post-images of the row's record.
    pub(super) images: Vec<(NodeId, Parts)>,
    /// Attributes whose value in an image is not the row's, as (image, attribute).
    pub(super) disputed: Vec<(NodeId, SlotId)>,
    pub(super) choices: Vec<i32>,
    pub(super) bytes: Vec<u8>,
    /// Notes of a survey; `None` in a run.
    pub(super) survey: Option<Box<Notes>>,
}

/// The parts of a lookup that are written once all attributes are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup {
    pub(super) slot: SlotId,
    /// The node of the attribute's name.
    pub(super) attribute: NodeId,
    pub(super) entity_type: Option<NodeId>,
    pub(super) name: Option<NodeId>,
}

impl Context {
    /// A context without tables.
    pub fn new(hub: Arc<str>, catalog: Arc<Catalog>) -> Self {
        let version = catalog.version();
        Self {
            hub,
            catalog,
            directories: Directories::new(),
            scratch: Scratch::default(),
            staged: StagedRow::default(),
            by_table: HashMap::new(),
            version,
        }
    }

    /// Frees the memory of outsized events. Call it between batches.
    pub fn shrink(&mut self) {
        self.scratch.shrink();
    }

    /// The directory of a table, for a buffer that is empty.
    ///
    /// After a change of the lake's types all tables get new directories. Buffers that hold rows keep theirs until they
    /// are taken.
    pub(super) fn directory_id(&mut self, table: &str) -> DirectoryId {
        let version = self.catalog.version();
        if version != self.version {
            self.by_table.clear();
            self.version = version;
        }
        if let Some(at) = self.by_table.get(table) {
            return *at;
        }
        let id = self.directories.add(table);
        self.by_table.insert(table.into(), id);
        id
    }
}

/// The directories of a context's tables.
#[derive(Debug)]
pub(super) struct Directories {
    all: Vec<Directory>,
    first: u64,
}

/// Id of a [`Directory`] in its context.
///
/// Contexts number theirs in disjoint ranges, so the bounds check of a lookup also rejects an id of another context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DirectoryId(u64);

impl Directories {
    fn new() -> Self {
        /// Ids of a context. It has a directory per table and schema version, far fewer.
        const IDS_EACH: u64 = 1 << 32;
        static CONTEXTS: AtomicU64 = AtomicU64::new(0);
        Self { all: Vec::new(), first: CONTEXTS.fetch_add(1, Ordering::Relaxed) * IDS_EACH }
    }

    fn add(&mut self, table: &str) -> DirectoryId {
        let id = DirectoryId(self.first + self.all.len() as u64);
        self.all.push(Directory::new(table));
        id
    }

    /// The directory of an id, which must be of this context.
    pub(super) fn get(&self, id: DirectoryId) -> &Directory {
        &self.all[self.index(id)]
    }

    /// The directory of an id, which must be of this context.
    pub(super) fn get_mut(&mut self, id: DirectoryId) -> &mut Directory {
        let at = self.index(id);
        &mut self.all[at]
    }

    fn index(&self, id: DirectoryId) -> usize {
        usize::try_from(id.0.wrapping_sub(self.first)).unwrap_or(usize::MAX)
    }
}

/// Memory that is kept between batches, of each part in nodes or bytes. Events that Dataverse posts need less.
const KEPT_MAX: usize = 256 << 10;

impl Scratch {
    /// Frees the memory if an outsized event made it grow.
    fn shrink(&mut self) {
        if self.marks.capacity() > KEPT_MAX
            || self.normal.capacity() > KEPT_MAX
            || self.bytes.capacity() > KEPT_MAX
        {
            *self = Self { survey: self.survey.take(), ..Self::default() };
        }
    }

    /// Removes what the previous row left.
    pub(super) fn begin_row(&mut self) {
        self.lookups.clear();
        self.formatted_values.clear();
        self.images.clear();
        self.disputed.clear();
    }
}
