//! A body as a flat tree: what a parser writes and everybody behind it reads.
//!
//! Owns: nodes, in the body's order, and the texts they name. Key/value lists are already objects
//! ([`Kind::Pairs`]), `__type` is already off and kept as the object's type name, numbers are their digits.
//! Does not own: what the nodes mean.

use super::names::is_same;

/// A place in a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number; its text is as the body had it, every digit. In XML also `NaN`, `INF` and `-INF`.
    Number,
    /// A string, unescaped.
    Text,
    /// A date that the serializer's `/Date(ms)/` does not hold, as ISO 8601: finer than a millisecond. Only XML
    /// has it, where dates state that they are dates.
    IsoDate,
    /// The name of a member, unescaped.
    Name,
    /// A list; its items follow.
    List,
    /// An object; its members follow, name then value. Its text is its type name (`Entity`), if it stated one.
    Object,
    /// A list of key/value pairs with distinct keys; they follow as members, name then value.
    Pairs,
}

impl Kind {
    /// Strings, numbers and booleans: what must end in a column.
    pub fn is_leaf(self) -> bool {
        matches!(self, Self::False | Self::True | Self::Number | Self::Text | Self::IsoDate)
    }
}

/// One body, ready to be read.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    nodes: &'a [Node],
    body: &'a str,
    arena: &'a str,
}

impl<'a> Tree<'a> {
    /// The outermost node. A tree that a parser hands out has one.
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// How many nodes there are; ids run from 0.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What a node is.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.nodes[id.0 as usize].kind
    }

    /// One past the last node below this one.
    pub fn end(&self, id: NodeId) -> NodeId {
        NodeId(self.nodes[id.0 as usize].end)
    }

    /// The text of a string, a number or a name; the type name of an object; else empty.
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
            // Most names differ in their length already.
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

    /// Whether there is a string, number or boolean at or below this node. Names are none.
    pub fn has_leaf(&self, id: NodeId) -> bool {
        self.nodes[id.0 as usize..self.end(id).0 as usize].iter().any(|node| node.kind.is_leaf())
    }

    /// Whether there is one besides those at or below the nodes that are `passed`: a flag for each node.
    #[inline]
    pub fn has_leaf_besides(&self, id: NodeId, passed: &[bool]) -> bool {
        let end = self.end(id).0 as usize;
        // Of one length, so that one check of the place is enough for both.
        let (nodes, passed) = (&self.nodes[..end], &passed[..end]);
        let mut at = id.0 as usize;
        while at < end {
            // Half of the nodes are names; nobody passes one without its value.
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

    /// Where in the body its text begins, if it stands there as it is.
    pub(crate) fn place(&self, id: NodeId) -> Option<usize> {
        let node = &self.nodes[id.0 as usize];
        (!node.in_arena).then_some(node.start as usize)
    }

    /// Its text, without a look at where its letters begin and end.
    pub(crate) fn bytes(&self, id: NodeId) -> &'a [u8] {
        let node = &self.nodes[id.0 as usize];
        let source = if node.in_arena { self.arena } else { self.body };
        &source.as_bytes()[node.range()]
    }
}

/// Writes trees, one after the other, into the same buffers.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    nodes: Vec<Node>,
    arena: String,
}

impl TreeBuilder {
    /// Forgets the tree before; keeps the buffers.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.arena.clear();
    }

    /// Makes room for nodes, so that the buffer need not be moved while it grows.
    pub fn reserve(&mut self, nodes: usize) {
        self.nodes.reserve(nodes);
    }

    /// How many nodes are written: the id of the next.
    pub fn next_id(&self) -> NodeId {
        NodeId(self.nodes.len() as u32)
    }

    /// Writes what has neither a text nor anything in it: `null`, `false`, `true`, an empty list.
    pub fn literal(&mut self, kind: Kind) -> NodeId {
        self.push(kind, false, 0, 0)
    }

    /// Writes a text, a name or a number that stands in the body as it is.
    pub fn in_body(&mut self, kind: Kind, start: usize, len: usize) -> NodeId {
        self.push(kind, false, start, len)
    }

    /// Writes a text, a name or a number that does not, copying it.
    pub fn copied(&mut self, kind: Kind, text: &str) -> NodeId {
        let start = self.arena.len();
        self.arena.push_str(text);
        self.push(kind, true, start, text.len())
    }

    /// Writes a text, a name or a number that an earlier node has too.
    pub fn repeated(&mut self, kind: Kind, earlier: NodeId) -> NodeId {
        let Node { in_arena, start, len, .. } = self.nodes[earlier.0 as usize];
        self.push(kind, in_arena, start as usize, len as usize)
    }

    /// Begins a text that does not stand in the body; its parts follow until [`end_copy`](Self::end_copy).
    pub fn begin_copy(&mut self, kind: Kind) -> NodeId {
        self.push(kind, true, self.arena.len(), 0)
    }

    /// Appends to the text that was begun.
    pub fn copy(&mut self, part: &str) {
        self.arena.push_str(part);
    }

    /// Ends what [`begin_copy`](Self::begin_copy) began.
    pub fn end_copy(&mut self, begun: NodeId) {
        let end = self.arena.len() as u32;
        let node = &mut self.nodes[begun.0 as usize];
        node.len = end - node.start;
    }

    /// Makes another kind of a list that was begun, or of a text.
    pub fn set_kind(&mut self, node: NodeId, kind: Kind) {
        self.nodes[node.0 as usize].kind = kind;
    }

    /// Begins a list, an object or pairs; its contents follow until [`close`](Self::close).
    /// `type_name` is what an object stated as its type, up to the first colon; empty for none.
    pub fn open(&mut self, kind: Kind, type_name: &str) -> NodeId {
        if type_name.is_empty() { self.push(kind, false, 0, 0) } else { self.copied(kind, type_name) }
    }

    /// States the type of an open object, where the name stands in the body as it is.
    pub fn type_in_body(&mut self, opened: NodeId, start: usize, len: usize) {
        let node = &mut self.nodes[opened.0 as usize];
        (node.in_arena, node.start, node.len) = (false, start as u32, len as u32);
    }

    /// States the type of an open object, where the name does not, copying it.
    pub fn type_copied(&mut self, opened: NodeId, type_name: &str) {
        let start = self.arena.len();
        self.arena.push_str(type_name);
        let node = &mut self.nodes[opened.0 as usize];
        (node.in_arena, node.start, node.len) = (true, start as u32, type_name.len() as u32);
    }

    /// Ends what [`open`](Self::open) began.
    pub fn close(&mut self, opened: NodeId) {
        let end = self.nodes.len() as u32;
        self.nodes[opened.0 as usize].end = end;
    }

    /// The tree written since [`clear`](Self::clear), over the body it was made from.
    pub fn tree<'a>(&'a self, body: &'a str) -> Tree<'a> {
        Tree { nodes: &self.nodes, body, arena: &self.arena }
    }

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
    /// Where its text stands. Added up in 64 bits, which can't overflow: one check less for each text.
    #[inline]
    fn range(&self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}
