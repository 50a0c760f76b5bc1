//! The parse stage alone: bodies through `Parser::parse`, beside simd-json's own tape of the same bodies.

use std::hint::black_box;
use std::io::{self, Write};

use catchwater::event::tree::{Kind, NodeId, Tree};
use catchwater::generator::{Generator, Size};
use catchwater::parse::{ParentContext, Parser};
use catchwater_benches::{Bodies, Contender, compare};
use simd_json::{Buffers, Node, Tape};

const SEED: u64 = 20_260_105;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    // Each size about as many bytes, more than the caches of a core hold.
    for (title, size, count) in
        [("small", Size::Small, 8_000), ("typical", Size::Typical, 4_500), ("large", Size::Large, 700)]
    {
        let bodies = Bodies::generated(SEED, size, count);
        check(&bodies, size)?;
        compare(&mut out, title, &bodies, 15, &mut contenders(&bodies))?;
    }
    out.flush()
}

fn contenders(bodies: &Bodies) -> [Contender<'_>; 4] {
    let mut plain = Plain::default();
    let mut drop = Parser::new(ParentContext::Drop);
    let mut keep = Parser::new(ParentContext::Keep);
    [
        Contender::new("simd-json fill_tape (copy)", move || {
            bodies
                .iter()
                .for_each(|body| _ = black_box(plain.parse(body, |nodes| _ = black_box(nodes)).is_ok()));
        }),
        Contender::new("parse, parent dropped", move || {
            bodies.iter().for_each(|body| _ = black_box(drop.parse(body).is_ok()));
        }),
        Contender::new("parse, parent kept", move || {
            bodies.iter().for_each(|body| _ = black_box(keep.parse(body).is_ok()));
        }),
        Contender::new("std from_utf8 alone", move || {
            bodies.iter().for_each(|body| _ = black_box(std::str::from_utf8(body).is_ok()));
        }),
    ]
}

/// What is timed is right: each event is the one the generator made, and each of its leaves is in the tree.
fn check(bodies: &Bodies, size: Size) -> io::Result<()> {
    let mut generator = Generator::new(SEED, size);
    let mut parser = Parser::new(ParentContext::Keep);
    let mut plain = Plain::default();
    for body in bodies.iter() {
        let made = generator.next(&mut Vec::new());
        let event = parser.parse(body).map_err(|reject| io::Error::other(reject.reason.to_string()))?;
        assert_eq!((event.table.name(), event.message), (made.table, made.message));
        let mut expected = 0;
        plain.parse(body, |nodes| expected = strings_and_numbers(nodes)).map_err(io::Error::other)?;
        assert_eq!(written(event.tree, event.tree.root()), expected, "strings and numbers of a body");
    }
    Ok(())
}

/// Strings and numbers on a tape, names and types too.
fn strings_and_numbers(nodes: &[Node<'_>]) -> usize {
    use simd_json::StaticNode::{Bool, Null};
    nodes
        .iter()
        .filter(|node| {
            !matches!(node, Node::Static(Bool(_) | Null) | Node::Object { .. } | Node::Array { .. })
        })
        .count()
}

/// The same, from a tree: a type stands for its name too, a pair for the words `key` and `value`.
fn written(tree: Tree<'_>, node: NodeId) -> usize {
    let own = match tree.kind(node) {
        Kind::Number | Kind::Text => 1,
        Kind::Object if !tree.text(node).is_empty() => 2,
        _ => 0,
    };
    let name = if tree.kind(node) == Kind::Pairs { 3 } else { 1 };
    let members: usize = tree.members(node).map(|(_, value)| name + written(tree, value)).sum();
    own + members + tree.items(node).map(|item| written(tree, item)).sum::<usize>()
}

/// simd-json as its users call it: a copy of the body, buffers and tape used again.
struct Plain {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for Plain {
    fn default() -> Self {
        Self { scratch: Vec::new(), buffers: Buffers::default(), tape: Tape(Vec::new()) }
    }
}

impl Plain {
    fn parse(&mut self, body: &[u8], look: impl FnOnce(&[Node<'_>])) -> simd_json::Result<()> {
        self.scratch.clear();
        self.scratch.extend_from_slice(body);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape(&mut self.scratch, &mut self.buffers, &mut tape);
        look(&tape.0);
        self.tape = tape.reset();
        filled
    }
}
