//! The parse stage: body → `ChangeEvent`, compared with simd-json's tape of the same bodies.
//!
//! "Tape and walk" is the parser's slow path: the same tape, converted into the same event. For XML the yardstick is
//! the tape of the same events as JSON.

use std::hint::black_box;
use std::io;

use catchwater::internals::event::tree::{Kind, NodeId, Tree};
use catchwater::internals::generator::{Format, Generator};
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater_benches::bodies::{Bodies, SEED, SHAPES, Shape};
use catchwater_benches::turns::Contender;
use catchwater_benches::yardstick::{self, PlainTape};
use simd_json::Node;

use crate::bench::Bench;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for shape in SHAPES {
        let group = format!("parse/{}", shape.name);
        if !bench.wants(&group) {
            continue;
        }
        let (Some(bodies), Some(json)) = (shape.bodies(bench.effort, 1)?, shape.json(bench.effort, 1)?)
        else {
            bench.add_absent("real bodies: ../shared/corpus is not beside the project")?;
            continue;
        };
        check(&shape, &bodies)?;
        let mut measured = vec![yardstick::tape(&json)];
        measured.extend(contenders(&bodies));
        bench.group(&group, bodies.load(), &mut measured)?;
    }
    Ok(())
}

fn contenders(bodies: &Bodies) -> [Contender<'_>; 5] {
    let parse = |name: &'static str, mut parser: Parser| {
        Contender::new(name, move || {
            bodies.iter().for_each(|body| _ = black_box(parser.parse(body).is_ok()));
        })
    };
    let mut copy = Vec::new();
    [
        parse("tape and walk", Parser::slow_path_only(ParentContext::Drop)),
        parse("ours", Parser::new(ParentContext::Drop)),
        parse("ours keeping parents", Parser::new(ParentContext::Keep)),
        Contender::new("a copy alone", move || {
            bodies.iter().for_each(|body| {
                copy.clear();
                copy.extend_from_slice(body);
                black_box(&copy);
            });
        }),
        Contender::new("std from_utf8 alone", move || {
            bodies.iter().for_each(|body| _ = black_box(std::str::from_utf8(body).is_ok()));
        }),
    ]
}

/// Checks the timed work: each body is an event. A generated one has the generator's table and message, and the tree
/// has all strings and numbers of its JSON.
fn check(shape: &Shape, bodies: &Bodies) -> io::Result<()> {
    let mut generator = shape.size.map(|size| Generator::new(SEED, size).in_format(shape.format));
    let mut parsers = [Parser::slow_path_only(ParentContext::Keep), Parser::new(ParentContext::Keep)];
    let mut plain = PlainTape::default();
    for body in bodies.iter() {
        let made = generator.as_mut().map(|generator| generator.next(&mut Vec::new()));
        for parser in &mut parsers {
            let event = parser.parse(body).map_err(|reject| io::Error::other(reject.reason.to_string()))?;
            let Some(made) = made else { continue };
            assert_eq!((event.table.name(), event.message), (made.table, made.message));
            if shape.format == Format::Json {
                let mut expected = 0;
                plain.fill(body, |nodes| expected = strings_and_numbers(nodes)).map_err(io::Error::other)?;
                assert_eq!(written(event.tree, event.tree.root()), expected, "strings and numbers of a body");
            }
        }
    }
    Ok(())
}

/// Counts strings and numbers on a tape, including names and types.
fn strings_and_numbers(nodes: &[Node<'_>]) -> usize {
    use simd_json::StaticNode::{Bool, Null};
    let is_one = |node: &&Node<'_>| {
        !matches!(node, Node::Static(Bool(_) | Null) | Node::Object { .. } | Node::Array { .. })
    };
    nodes.iter().filter(is_one).count()
}

/// Counts the same in a tree. A type counts `__type` too, and a pair counts `key` and `value`.
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
