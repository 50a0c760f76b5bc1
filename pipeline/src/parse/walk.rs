//! Slow path of JSON, second half: from simd-json's tokens to the tree, in one pass.
//!
//! Owns: the normal form (type names, pairs), and the position of each text in the body. Does not own: the treatment of
//! the root object's members (`root_object`).
//!
//! Nodes and token starts are walked in parallel, so that each token has its position in the text. The digits of a
//! number are read there. A string whose unescaped length is its length in the text has no escapes and is not copied.

use simd_json::{Node, StaticNode};

use super::json::Tokens;
use super::keys::Keys;
use super::root_object::{Disposition, RootObject};
use super::sink::Sink;
use crate::event::tree::{Kind, NodeId, TreeBuilder};
use crate::event::{Reason, Reject};

/// The member by which an object states its type.
const TYPE: &str = "__type";

/// Writes the tree of a text.
///
/// # Errors
/// `NotAnObject`.
pub(super) fn write(tokens: Tokens<'_>, text: &str, sink: &mut Sink<'_>) -> Result<(), Reject> {
    let Sink { tree, keys, root_object } = sink;
    // Growth by doubling would take three times the memory for a moment.
    tree.reserve(tokens.nodes.len());
    let mut walk = Walk { tokens, text: text.as_bytes(), tree, keys, node: 0, token: 0 };
    walk.root_object(root_object)
}

/// Position in the tokens of one text, and the tree that is written from them.
struct Walk<'w> {
    tokens: Tokens<'w>,
    text: &'w [u8],
    tree: &'w mut TreeBuilder,
    keys: &'w mut Keys,
    /// The next node.
    node: usize,
    /// The next token: that node's, or the punctuation before it.
    token: usize,
}

impl<'w> Walk<'w> {
    fn root_object(&mut self, root_object: &mut RootObject<'_>) -> Result<(), Reject> {
        let (object, members) = self.open_object().ok_or_else(|| Reject::new(Reason::NotAnObject))?;
        let mut typed = false;
        for number in 1..=members {
            if !typed && self.state_type(object) {
                typed = true;
                continue;
            }
            let member = root_object.member(self.name());
            match root_object.begin(member, || self.is_null()) {
                Disposition::Drop => self.skip_member(number == members),
                Disposition::Write(known) => root_object.note(known, self.member()),
            }
        }
        self.close_object(object, members);
        Ok(())
    }

    /// Opens the object at the next node. Returns its node and the number of its members; `None` for any other value.
    fn open_object(&mut self) -> Option<(NodeId, usize)> {
        let Node::Object { len, .. } = self.tokens.nodes[self.node] else { return None };
        let object = self.tree.open(Kind::Object, "");
        self.node += 1;
        self.token += 1;
        Some((object, len))
    }

    /// Closes an object after its last member.
    fn close_object(&mut self, object: NodeId, members: usize) {
        self.tree.close(object);
        // The brace of an empty object. After a member it was passed in place of the comma.
        self.token += usize::from(members == 0);
    }

    /// The name of the next member.
    fn name(&self) -> &'w str {
        string(self.tokens.nodes, self.node)
    }

    /// True if the value of the next member is `null`.
    fn is_null(&self) -> bool {
        matches!(self.tokens.nodes[self.node + 1], Node::Static(StaticNode::Null))
    }

    /// Writes the next member, name and value. Returns the value's node.
    fn member(&mut self) -> NodeId {
        let name = self.text();
        self.tree.set_kind(name, Kind::Name);
        self.token += 1; // the colon
        let value = self.value();
        self.token += 1; // the comma or the brace
        value
    }

    /// Skips the next member; `last` if no other follows.
    fn skip_member(&mut self, last: bool) {
        self.node = after_value(self.tokens.nodes, self.node + 1);
        // The position after the last member is not used.
        self.token = if last { self.tokens.starts.len() } else { self.token_of(self.node) };
    }

    /// Reads the next member if it states the object's type.
    fn state_type(&mut self, object: NodeId) -> bool {
        if self.name() != TYPE {
            return false;
        }
        let Node::String(stated) = self.tokens.nodes[self.node + 1] else { return false };
        let colon = stated.bytes().position(|byte| byte == b':');
        let name = &stated[..colon.unwrap_or(stated.len())];
        let start = self.tokens.starts[self.token + 2] as usize + 1;
        if self.text[start..].starts_with(name.as_bytes()) {
            self.tree.set_type_in_body(object, start, name.len());
        } else {
            self.tree.set_type_copied(object, name);
        }
        self.node += 2;
        self.token += 4; // name, colon, type; the comma or the brace
        true
    }

    fn value(&mut self) -> NodeId {
        let node = self.tokens.nodes[self.node];
        match node {
            Node::String(_) => self.text(),
            Node::Static(StaticNode::Null) => self.literal(Kind::Null),
            Node::Static(StaticNode::Bool(false)) => self.literal(Kind::False),
            Node::Static(StaticNode::Bool(true)) => self.literal(Kind::True),
            Node::Static(_) => self.number(),
            Node::Object { .. } => self.object(),
            Node::Array { len, .. } if self.is_pairs(len) => self.pairs(len),
            Node::Array { len, .. } => self.list(len),
        }
    }

    fn object(&mut self) -> NodeId {
        let Some((object, members)) = self.open_object() else { return self.tree.next_id() };
        let mut typed = false;
        for _ in 0..members {
            if !typed && self.state_type(object) {
                typed = true;
            } else {
                self.member();
            }
        }
        self.close_object(object, members);
        object
    }

    fn list(&mut self, items: usize) -> NodeId {
        let list = self.open_list(Kind::List);
        for _ in 0..items {
            self.value();
            self.token += 1; // the comma or the bracket
        }
        self.token += usize::from(items == 0);
        self.tree.close(list);
        list
    }

    fn pairs(&mut self, items: usize) -> NodeId {
        let pairs = self.open_list(Kind::Pairs);
        for _ in 0..items {
            self.pair();
            self.token += 1; // the comma or the bracket
        }
        self.tree.close(pairs);
        pairs
    }

    fn open_list(&mut self, kind: Kind) -> NodeId {
        self.node += 1;
        self.token += 1;
        self.tree.open(kind, "")
    }

    /// Writes an object with key and value as a member with the key as its name.
    fn pair(&mut self) {
        if self.begins_with_key() {
            let name = self.write_text(self.node + 2, self.token + 3);
            self.tree.set_kind(name, Kind::Name);
            self.node += 4; // the object, "key", the key, "value"
            self.token += 7; // the same with their punctuation
            self.value();
            self.token += 1; // the brace
        } else {
            self.unusual_pair();
        }
    }

    /// True if the next pair is a key and a value, in this order, and nothing else.
    fn begins_with_key(&self) -> bool {
        // The three names of a pair's members differ in length.
        matches!(self.tokens.nodes[self.node], Node::Object { len: 2, .. })
            && string(self.tokens.nodes, self.node + 1).len() == "key".len()
    }

    /// Writes a pair whose members are in any order, with or without a type.
    fn unusual_pair(&mut self) {
        let nodes = self.tokens.nodes;
        let (Node::Object { len, .. }, Some(key)) = (nodes[self.node], key_of(nodes, self.node)) else {
            return;
        };
        let name = self.write_text(key, self.token_of(key));
        self.tree.set_kind(name, Kind::Name);
        self.node += 1;
        self.token += 1;
        for _ in 0..len {
            let is_value = self.name().len() == "value".len();
            self.node += 1;
            self.token += 2; // the name, the colon
            if is_value {
                self.value();
            } else {
                self.node += 1;
                self.token += 1;
            }
            self.token += 1; // the comma or the brace
        }
    }

    fn is_pairs(&mut self, items: usize) -> bool {
        let nodes = self.tokens.nodes;
        let mut item = self.node + 1;
        self.keys.clear();
        for _ in 0..items {
            let Some(key) = key_of(nodes, item) else { return false };
            self.keys.push(key);
            item = after_value(nodes, item);
        }
        items > 0 && self.keys.are_distinct(|key| string(nodes, key).as_bytes())
    }

    fn literal(&mut self, kind: Kind) -> NodeId {
        self.node += 1;
        self.token += 1;
        self.tree.push_literal(kind)
    }

    fn number(&mut self) -> NodeId {
        let (start, end) = self.token_range(self.token);
        self.node += 1;
        self.token += 1;
        self.tree.push_in_body(Kind::Number, start, end - start)
    }

    fn text(&mut self) -> NodeId {
        let text = self.write_text(self.node, self.token);
        self.node += 1;
        self.token += 1;
        text
    }

    fn write_text(&mut self, node: usize, token: usize) -> NodeId {
        let text = string(self.tokens.nodes, node);
        let (opened, end) = self.token_range(token);
        let (start, closed) = (opened + 1, end - 1);
        if text.len() == closed - start {
            self.tree.push_in_body(Kind::Text, start, text.len())
        } else {
            self.tree.push_copied(Kind::Text, text)
        }
    }

    /// Range in the text of a number, or of a string with its quotes. Between its end and the next token is only white
    /// space, and a token always follows: the root is an object.
    fn token_range(&self, token: usize) -> (usize, usize) {
        let (start, mut end) = (self.tokens.starts[token] as usize, self.tokens.starts[token + 1] as usize);
        while self.text[end - 1] <= b' ' {
            end -= 1;
        }
        (start, end)
    }

    /// Index of the token of a string node, for a node that was not reached by walking.
    fn token_of(&self, node: usize) -> usize {
        let text = string(self.tokens.nodes, node).as_bytes();
        // Every string of the tape lies in the scratch copy.
        let start = self.tokens.scratch.range_of(text).unwrap_or_default().start;
        self.tokens.starts.partition_point(|token| (*token as usize) + 1 < start)
    }
}

fn string<'t>(nodes: &[Node<'t>], node: usize) -> &'t str {
    match nodes[node] {
        Node::String(text) => text,
        _ => "",
    }
}

/// The first node after a value.
fn after_value(nodes: &[Node<'_>], node: usize) -> usize {
    match nodes[node] {
        Node::Object { count, .. } | Node::Array { count, .. } => node + 1 + count,
        _ => node + 1,
    }
}

/// The node of a pair's key; `None` if the item is not a pair: an object of a key that is a string, a value, and at
/// most a type.
fn key_of(nodes: &[Node<'_>], item: usize) -> Option<usize> {
    let Node::Object { len: len @ 2..=3, .. } = nodes[item] else { return None };
    let (mut key, mut has_value, mut has_type) = (None, false, false);
    let mut name = item + 1;
    for _ in 0..len {
        match (string(nodes, name), &nodes[name + 1]) {
            ("key" | "Key", Node::String(_)) if key.is_none() => key = Some(name + 1),
            ("value" | "Value", _) if !has_value => has_value = true,
            (TYPE, Node::String(_)) if !has_type => has_type = true,
            _ => return None,
        }
        name = after_value(nodes, name + 1);
    }
    key.filter(|_| has_value)
}
