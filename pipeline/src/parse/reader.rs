//! Texts become events: the choice of a reader, and the buffers of all readers.
//!
//! Owns: the fallback from the fast path to the slow path. Does not own: the format of a body (`sniff`), or reading it
//! (`scan`; `json` and `walk`; `xml`).

use super::json::{self, Json};
use super::keys::Keys;
use super::limits::OUTSIZED_BODY;
use super::root_object::ParentContext;
use super::scan::FastPath;
use super::sink::Sink;
use super::sniff::Format;
use super::xml::Xml;
use super::{routing, walk};
use crate::event::tree::TreeBuilder;
use crate::event::{ChangeEvent, Members, Reject};

/// Reads texts, one after the other, into the same buffers.
pub(super) struct Reader {
    parent_context: ParentContext,
    /// `None`: every JSON text takes the slow path.
    fast_path: Option<FastPath>,
    json: Json,
    xml: Xml,
    keys: Keys,
    tree: TreeBuilder,
    members: Members,
}

/// Facts about a text whose tree is written.
struct Written {
    parent_context_dropped: bool,
    slow_path: bool,
    repaired: bool,
}

impl Reader {
    /// A reader whose buffers grow with its first texts.
    pub(super) fn new(parent_context: ParentContext, fast_path: Option<FastPath>) -> Self {
        Self {
            parent_context,
            fast_path,
            json: Json::new(),
            xml: Xml::default(),
            keys: Keys::new(),
            tree: TreeBuilder::default(),
            members: Members::default(),
        }
    }

    /// A reader of the same kind with empty buffers.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.parent_context, self.fast_path.is_some().then(FastPath::default))
    }

    /// Reads a text as an event.
    ///
    /// # Errors
    /// A [`Reject`] with a byte offset in the text.
    pub(super) fn read<'a>(&'a mut self, text: &'a str, format: Format) -> Result<ChangeEvent<'a>, Reject> {
        let Written { parent_context_dropped, slow_path, repaired } = match format {
            Format::Json => self.write_json(text)?,
            Format::Xml => self.write_xml(text)?,
        };
        let Self { tree, members, .. } = self;
        let tree = tree.tree(text);
        let (table, message) = routing::table_and_message(tree, members)?;
        let target = routing::target(tree, members);
        Ok(ChangeEvent { tree, members, table, message, target, parent_context_dropped, slow_path, repaired })
    }

    /// Copies the content of a text that is one JSON string into `into`. Returns true if lone surrogates
    /// were replaced.
    ///
    /// # Errors
    /// A [`Reject`] with a byte offset in the text.
    pub(super) fn unquote(&mut self, text: &str, into: &mut String) -> Result<bool, Reject> {
        into.clear();
        json::check_tokens(text)?;
        self.json.parse(text, |tokens| {
            if let [simd_json::Node::String(unquoted)] = tokens.nodes {
                into.push_str(unquoted);
            }
            tokens.repaired
        })
    }

    fn write_json(&mut self, text: &str) -> Result<Written, Reject> {
        json::check_tokens(text)?;
        let Self { parent_context, fast_path, json, keys, tree, members, .. } = self;
        if let Some(fast_path) = fast_path {
            let mut sink = Sink::new(tree, keys, members, *parent_context);
            if fast_path.write(text, &mut sink).is_ok() {
                let parent_context_dropped = sink.root_object.parent_context_dropped();
                return Ok(Written { parent_context_dropped, slow_path: false, repaired: false });
            }
        }
        if text.len() > OUTSIZED_BODY {
            // Releases what the fast path wrote before it gave up.
            *tree = TreeBuilder::default();
        }
        let mut sink = Sink::new(tree, keys, members, *parent_context);
        let repaired =
            json.parse(text, |tokens| walk::write(tokens, text, &mut sink).map(|()| tokens.repaired))??;
        let parent_context_dropped = sink.root_object.parent_context_dropped();
        Ok(Written { parent_context_dropped, slow_path: true, repaired })
    }

    fn write_xml(&mut self, text: &str) -> Result<Written, Reject> {
        let mut sink = Sink::new(&mut self.tree, &mut self.keys, &mut self.members, self.parent_context);
        let repaired = self.xml.write(text, &mut sink)?;
        let parent_context_dropped = sink.root_object.parent_context_dropped();
        Ok(Written { parent_context_dropped, slow_path: false, repaired })
    }
}
