//! Tests of the parser, with their shared fixtures: bodies, and trees as text.

mod corpus;
mod differential;
mod limits;
mod oracle;
mod paired_fixtures;
mod reference;
mod rejects;
mod routing;
mod shapes;
mod xml;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{ParentContext, Parser};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::{ChangeEvent, Reject};

/// The files of a folder, sorted by name; empty if the folder is absent.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// The folder of test data.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Real bodies, which we have no right to copy; empty where they are absent.
pub(super) fn corpus() -> Vec<(String, Vec<u8>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folders = ["json_wire", "json"].map(|folder| files(&corpus.join(folder)));
    if folders.iter().any(Vec::is_empty) {
        println!("skipped: the corpus of real bodies is absent");
    }
    folders.into_iter().flatten().collect()
}

/// The oracle: bodies in JSON that the SDK's serializer wrote.
pub(super) fn oracle() -> Vec<(String, Vec<u8>)> {
    let bodies = files(&data().join("oracle/json"));
    assert!(bodies.len() > 60, "the bodies of the oracle are present");
    bodies
}

/// The oracle in XML.
fn oracle_xml() -> Vec<(String, Vec<u8>)> {
    let bodies = files(&data().join("oracle/xml"));
    assert!(bodies.len() > 70, "the bodies of the oracle are present");
    bodies
}

/// One body of the oracle, in JSON.
fn body(name: &str) -> Vec<u8> {
    fs::read(data().join("oracle/json").join(name)).unwrap()
}

/// Parses a body with `ParentContext` in the tree.
fn parse<R>(body: &[u8], look: impl FnOnce(Result<ChangeEvent<'_>, Reject>) -> R) -> R {
    look(Parser::new(ParentContext::Keep).parse(body))
}

/// A small event with these members besides its message.
fn event_with(members: &str) -> String {
    format!(r#"{{"MessageName":"Probe",{members}}}"#)
}

/// A tree as one line: `Type{member:value}`, `[item]`, `<key:value>` for pairs. Strings are quoted, numbers are not,
/// and a date finer than a millisecond follows an `@`.
fn render(tree: Tree<'_>, node: NodeId) -> String {
    let mut out = String::new();
    write_node(tree, node, &mut out);
    out
}

fn write_node(tree: Tree<'_>, node: NodeId, out: &mut String) {
    match tree.kind(node) {
        Kind::Null => out.push_str("null"),
        Kind::False => out.push_str("false"),
        Kind::True => out.push_str("true"),
        Kind::Number => out.push_str(tree.text(node)),
        Kind::Text | Kind::Name => write!(out, "{:?}", tree.text(node)).unwrap(),
        Kind::IsoDate => write!(out, "@{:?}", tree.text(node)).unwrap(),
        Kind::List => {
            out.push('[');
            for item in tree.items(node) {
                write_node(tree, item, out);
                out.push(',');
            }
            out.push(']');
        }
        kind @ (Kind::Object | Kind::Pairs) => {
            let (open, close) = if kind == Kind::Pairs { ('<', '>') } else { ('{', '}') };
            write!(out, "{}{open}", tree.text(node)).unwrap();
            for (name, value) in tree.members(node) {
                assert_eq!(tree.kind(name), Kind::Name, "{:?}", tree.text(name));
                write!(out, "{}:", tree.text(name)).unwrap();
                write_node(tree, value, out);
                out.push(',');
            }
            out.push(close);
        }
    }
    let children: Vec<NodeId> = match tree.kind(node) {
        Kind::List => tree.items(node).collect(),
        _ => tree.members(node).map(|(_, value)| value).collect(),
    };
    let end = children.last().map_or_else(|| node.next(), |last| tree.end(*last));
    assert_eq!(tree.end(node), end, "a node ends where its last child ends");
}
