//! A body as a flat tree, in normal form: parsers write it, every later stage reads it.
//!
//! Owns: nodes in the body's order, and their texts. A list of key/value pairs is one node with members
//! ([`Kind::Pairs`]), `__type` is the type name of its object, a number is its digits. Does not own: the meaning of
//! nodes.

use super::names::is_same;

/// Index of a node in a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at this index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Its index.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The node after this one in the order of the body: its first child, if it has one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number. Its text is that of the body, every digit. In XML also `NaN`, `INF` and `-INF`.
    Number,
    /// A string, unescaped.
    Text,
    /// A date in ISO 8601 that is finer than a millisecond, so that the serializer's `/Date(ms)/` cannot hold it. Only
    /// in XML, where a date states its type.
    IsoDate,
    /// The name of a member, unescaped.
    Name,
    /// A list. Its items follow.
    List,
    /// An object. Its members follow, name then value. Its text is its type name (`Entity`), if it states one.
    Object,
    /// A list of key/value pairs with distinct keys. They follow as members, name then value.
    Pairs,
}

impl Kind {
    /// True for strings, numbers and booleans: every one of them ends in a column.
    pub fn is_leaf(self) -> bool {
        matches!(self, Self::False | Self::True | Self::Number | Self::Text | Self::IsoDate)
    }
}

/// One body as a tree.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    nodes: &'a [Node],
    body: &'a str,
    arena: &'a str,
}

impl<'a> Tree<'a> {
    /// The root. Every tree that a parser returns has one.
    #[allow(
        clippy::unused_self,
        reason = "callers ask a tree for its root; public only with the feature `internals`"
    )]
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// Number of nodes. Ids run from 0.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True for a tree without nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The kind of a node.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.nodes[id.0 as usize].kind
    }

    /// The id after a node's last descendant.
    pub fn end(&self, id: NodeId) -> NodeId {
        NodeId(self.nodes[id.0 as usize].end)
    }

    /// The text of a string, a number or a name; the type name of an object; empty for other nodes.
    pub fn text(&self, id: NodeId) -> &'a str {
        let node = &self.nodes[id.0 as usize];
        let source = if node.in_arena { self.arena } else { self.body };
        &source[node.range()]
    }

    /// The members of an object or of pairs, as (name, value).
    pub fn members(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + use<'a> {
        let nodes = self.nodes;
        let end = match nodes[id.0 as usize].kind {
            Kind::Object | Kind::Pairs => nodes[id.0 as usize].end,
            _ => 0,
        };
        let mut next = id.0 + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let (name, value) = (next, next + 1);
                next = nodes[value as usize].end;
                (NodeId(name), NodeId(value))
            })
        })
    }

    /// The value of the first member of this name.
    pub fn member(&self, id: NodeId, name: &str) -> Option<NodeId> {
        let object = &self.nodes[id.0 as usize];
        let end = if matches!(object.kind, Kind::Object | Kind::Pairs) { object.end } else { 0 };
        let mut at = id.0 + 1;
        while at < end {
            // Most names differ in length.
            if self.nodes[at as usize].len as usize == name.len()
                && is_same(self.bytes(NodeId(at)), name.as_bytes())
            {
                return Some(NodeId(at + 1));
            }
            at = self.nodes[at as usize + 1].end;
        }
        None
    }

    /// The items of a list.
    pub fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'a> {
        let nodes = self.nodes;
        let end = if nodes[id.0 as usize].kind == Kind::List { nodes[id.0 as usize].end } else { 0 };
        let mut next = id.0 + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let item = next;
                next = nodes[item as usize].end;
                NodeId(item)
            })
        })
    }

    /// True if the node is a leaf or has one below it. Names are not leaves.
    pub fn has_leaf(&self, id: NodeId) -> bool {
        self.nodes[id.0 as usize..self.end(id).0 as usize].iter().any(|node| node.kind.is_leaf())
    }

    /// True if there is a leaf at or below the node that is not at or below a node that is `passed`: one flag a node.
    #[inline]
    pub fn has_leaf_besides(&self, id: NodeId, passed: &[bool]) -> bool {
        let end = self.end(id).0 as usize;
        // Of one length, so that one bounds check is enough for both.
        let (nodes, passed) = (&self.nodes[..end], &passed[..end]);
        let mut at = id.0 as usize;
        while at < end {
            // Half of the nodes are names. A name is never passed without its value.
            if nodes[at].kind == Kind::Name && at + 1 < end {
                at += 1;
            }
            if passed[at] {
                at = nodes[at].end as usize;
            } else if nodes[at].kind.is_leaf() {
                return true;
            } else {
                at += 1;
            }
        }
        false
    }

    /// Offset of a node's text in the body; `None` if the text is a copy.
    pub(crate) fn offset_in_body(&self, id: NodeId) -> Option<usize> {
        let node = &self.nodes[id.0 as usize];
        (!node.in_arena).then_some(node.start as usize)
    }

    /// The text of a node as bytes, without the check for character boundaries.
    pub(crate) fn bytes(&self, id: NodeId) -> &'a [u8] {
        let node = &self.nodes[id.0 as usize];
        let source = if node.in_arena { self.arena } else { self.body };
        &source.as_bytes()[node.range()]
    }
}

/// Writes trees, one after the other, into the same buffers. Nodes are written in the body's order.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    nodes: Vec<Node>,
    arena: String,
}

impl TreeBuilder {
    /// Begins the next tree; keeps the buffers.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.arena.clear();
    }

    /// Reserves memory for a number of nodes.
    pub fn reserve(&mut self, nodes: usize) {
        self.nodes.reserve(nodes);
    }

    /// The id of the next node.
    #[inline]
    pub fn next_id(&self) -> NodeId {
        NodeId(self.nodes.len() as u32)
    }

    /// Writes a node without text and children: `null`, `false`, `true`, an empty list.
    #[inline]
    pub fn push_literal(&mut self, kind: Kind) -> NodeId {
        self.push(kind, false, 0, 0)
    }

    /// Writes a text, a name or a number that is a part of the body.
    #[inline]
    pub fn push_in_body(&mut self, kind: Kind, start: usize, len: usize) -> NodeId {
        self.push(kind, false, start, len)
    }

    /// Writes a text, a name or a number as a copy.
    pub fn push_copied(&mut self, kind: Kind, text: &str) -> NodeId {
        let start = self.arena.len();
        self.arena.push_str(text);
        self.push(kind, true, start, text.len())
    }

    /// Writes a text, a name or a number with the text of an earlier node.
    pub fn push_repeated(&mut self, kind: Kind, earlier: NodeId) -> NodeId {
        let Node { in_arena, start, len, .. } = self.nodes[earlier.0 as usize];
        self.push(kind, in_arena, start as usize, len as usize)
    }

    /// Begins the copy of a text. Its parts follow until [`end_copied`](Self::end_copied).
    pub fn begin_copied(&mut self, kind: Kind) -> NodeId {
        self.push(kind, true, self.arena.len(), 0)
    }

    /// Appends a part to the copy that was begun.
    pub fn append_copied(&mut self, part: &str) {
        self.arena.push_str(part);
    }

    /// Ends the copy that was begun.
    pub fn end_copied(&mut self, begun: NodeId) {
        let end = self.arena.len() as u32;
        let node = &mut self.nodes[begun.0 as usize];
        node.len = end - node.start;
    }

    /// Changes the kind of a text, or of a list that is open.
    pub fn set_kind(&mut self, node: NodeId, kind: Kind) {
        self.nodes[node.0 as usize].kind = kind;
    }

    /// Opens a list, an object or pairs. Its content follows until [`close`](Self::close). `type_name` is the part of
    /// an object's type before its first colon; empty without a type.
    #[inline]
    pub fn open(&mut self, kind: Kind, type_name: &str) -> NodeId {
        if type_name.is_empty() { self.push(kind, false, 0, 0) } else { self.push_copied(kind, type_name) }
    }

    /// Sets the type name of an open object to a part of the body.
    pub fn set_type_in_body(&mut self, opened: NodeId, start: usize, len: usize) {
        let node = &mut self.nodes[opened.0 as usize];
        (node.in_arena, node.start, node.len) = (false, start as u32, len as u32);
    }

    /// Sets the type name of an open object to a copy.
    pub fn set_type_copied(&mut self, opened: NodeId, type_name: &str) {
        let start = self.arena.len();
        self.arena.push_str(type_name);
        let node = &mut self.nodes[opened.0 as usize];
        (node.in_arena, node.start, node.len) = (true, start as u32, type_name.len() as u32);
    }

    /// Closes the list, object or pairs.
    #[inline]
    pub fn close(&mut self, opened: NodeId) {
        let end = self.nodes.len() as u32;
        self.nodes[opened.0 as usize].end = end;
    }

    /// The tree written since [`clear`](Self::clear), for the body that it was made from.
    pub fn tree<'a>(&'a self, body: &'a str) -> Tree<'a> {
        Tree { nodes: &self.nodes, body, arena: &self.arena }
    }

    #[inline]
    fn push(&mut self, kind: Kind, in_arena: bool, start: usize, len: usize) -> NodeId {
        let id = self.next_id();
        self.nodes.push(Node { kind, in_arena, start: start as u32, len: len as u32, end: id.0 + 1 });
        id
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    in_arena: bool,
    start: u32,
    len: u32,
    end: u32,
}

impl Node {
    /// Range of the text. The sum is taken in 64 bits and cannot overflow, which saves a check for each text.
    #[inline]
    fn range(&self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}
