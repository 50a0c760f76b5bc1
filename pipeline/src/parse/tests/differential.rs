//! The parser against the reference implementation, and the fast path against the slow path: bodies as they are, with
//! added white space, and mutated.

use std::cell::RefCell;

use super::reference::{self, Json};
use super::{ParentContext, Parser, oracle, render};
use crate::event::tree::{NodeId, Tree};
use crate::event::{ChangeEvent, Reason, Reject, Table};

/// The reference's value of a body and its leaves; `None` for a body that is not an event.
fn expected(body: &[u8]) -> Option<(Json, Vec<String>)> {
    let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()?;
    let mut value = reference::read(text)?;
    if let Json::Text(text) = &value {
        value = reference::read(text)?;
    }
    let has_message = matches!(value.member("MessageName"), Some(Json::Text(message)) if !message.is_empty());
    (has_message || table_of(&value).is_some()).then(|| {
        let mut leaves = Vec::new();
        value.leaves(&mut leaves);
        (value, leaves)
    })
}

/// The Dataverse table that a body names.
fn table_of(value: &Json) -> Option<&str> {
    let Some(Json::Text(name)) = value.member("PrimaryEntityName") else { return None };
    let is_empty = ["", "none"].contains(&name.as_str());
    let is_reserved = ["_messages", "_quarantine"].iter().any(|reserved| name.eq_ignore_ascii_case(reserved));
    (!is_empty && !is_reserved).then_some(name.as_str())
}

fn leaves(tree: Tree<'_>, node: NodeId, into: &mut Vec<String>) {
    let before = into.len();
    if tree.kind(node).is_leaf() {
        into.push(render(tree, node));
    }
    tree.items(node).for_each(|item| leaves(tree, item, into));
    tree.members(node).for_each(|(_, value)| leaves(tree, value, into));
    assert_eq!(tree.has_leaf(node), into.len() > before, "has_leaf");
}

/// Compares both parsers with the reference and with their slow path. Returns true if the body was accepted.
pub(super) fn check(keep: &mut Parser, drop: &mut Parser, body: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(body);
    let (kept, dropped) = (keep.parse(body), drop.parse(body));
    SLOW_PATH.with_borrow_mut(|[keep, drop]| {
        check_slow_path(&kept, &keep.parse(body), &shown);
        check_slow_path(&dropped, &drop.parse(body), &shown);
    });
    let Some((value, expected_leaves)) = expected(body) else {
        let reject = kept.expect_err(&shown);
        assert_eq!(dropped.expect_err(&shown), reject);
        assert!(reject.byte_offset.is_none_or(|offset| offset <= body.len()), "{reject:?}: {shown}");
        return false;
    };
    let (kept, dropped) = (kept.expect(&shown), dropped.expect(&shown));
    assert_eq!(render(kept.tree, kept.tree.root()), value.normal(), "{shown}");
    let mut kept_leaves = Vec::new();
    leaves(kept.tree, kept.tree.root(), &mut kept_leaves);
    assert_eq!(kept_leaves, expected_leaves, "{shown}");
    assert_eq!(kept.table, dropped.table, "{shown}");
    check_table(kept.table, &value);
    assert_eq!(kept.message, dropped.message);
    check_dropped(value, &render(dropped.tree, dropped.tree.root()), dropped.parent_context_dropped);
    true
}

thread_local! {
    static SLOW_PATH: RefCell<[Parser; 2]> =
        RefCell::new([ParentContext::Keep, ParentContext::Drop].map(Parser::slow_path_only));
}

/// Checks that a parser gives the same event or reject as the slow path alone.
fn check_slow_path(
    read: &Result<ChangeEvent<'_>, Reject>,
    slow: &Result<ChangeEvent<'_>, Reject>,
    shown: &str,
) {
    let (Ok(read), Ok(slow)) = (read, slow) else {
        return assert_eq!(read.as_ref().err(), slow.as_ref().err(), "{shown}");
    };
    let facts = |event: &ChangeEvent<'_>| {
        let tree = render(event.tree, event.tree.root());
        let nodes = (event.target, event.members.clone(), event.parent_context_dropped, event.repaired);
        (tree, format!("{:?} {} {nodes:?}", event.table, event.message))
    };
    assert_eq!(facts(read), facts(slow), "{shown}");
    assert!(slow.slow_path, "{shown}");
}

fn check_table(table: Table<'_>, value: &Json) {
    assert_eq!(table, table_of(value).map_or(Table::Messages, Table::Entity));
}

/// Checks that the event without its first parent context is otherwise the same.
fn check_dropped(mut value: Json, dropped: &str, flag: bool) {
    let Json::Object(members) = &mut value else { panic!("no object") };
    let parent = members.iter().position(|member| member.0 == "ParentContext");
    let parent = parent.map(|at| members.remove(at).1);
    assert_eq!(flag, parent.is_some_and(|parent| parent != Json::Null));
    assert_eq!(dropped, value.normal());
}

pub(super) fn parsers() -> (Parser, Parser) {
    (Parser::new(ParentContext::Keep), Parser::new(ParentContext::Drop))
}

/// Shapes that are not in the oracle.
fn handwritten() -> Vec<Vec<u8>> {
    [
        r#"{"MessageName":"A","ParentContext":{"MessageName":"B","x":[1,{"y":2.50}]}}"#,
        r#"{"ParentContext":{"a":[]},"MessageName":"A","ParentContext":{"b":1},"Depth":-0.0}"#,
        r#"{"ParentContext":[],"__type":"T:x","MessageName":"\u0041","MessageName":"C"}"#,
        r#"{"MessageName":"A","p":[{"value":[1,[2,{"key":3}]],"key":"k\/1"},{"Key":"2","Value":{"__type":"\u0041b:c"}}]}"#,
        r#"{"MessageName":"A","p":[{"key":"k","value":1,"__type":"P:#q"},{"value":2,"__type":"P","key":"l"}]}"#,
        r#""{\"MessageName\":\"A\",\"n\":12345678901234567890.12345678901234567890,\"t\":\"\\ud83d\\ude00\"}""#,
        r#"{"MessageName":"A","s":"\ud83d","t":"\udc00\ud83d\ud83d\ude00 \\ud83d","u":"üö€😀"}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn bodies() -> Vec<Vec<u8>> {
    oracle().into_iter().map(|(_, body)| body).chain(handwritten()).collect()
}

/// White space wherever JSON allows it.
fn with_space(body: &[u8]) -> Vec<u8> {
    let mut out = b"\xef\xbb\xbf \n".to_vec();
    let (mut in_string, mut escaped) = (false, false);
    for byte in body {
        let punctuation = !in_string && b"{}[]:,".contains(byte);
        if punctuation {
            out.extend_from_slice(b" \t");
        }
        out.push(*byte);
        if punctuation {
            out.extend_from_slice(b"\r\n  ");
        }
        in_string ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
    }
    out
}

#[test]
fn every_body_matches_the_reference() {
    let (mut keep, mut drop) = parsers();
    let mut accepted = 0;
    for body in bodies() {
        let compact = check(&mut keep, &mut drop, &body);
        assert_eq!(check(&mut keep, &mut drop, &with_space(&body)), compact);
        accepted += usize::from(compact);
    }
    assert_eq!(accepted, bodies().len() - 2, "all except the bare infinities");
}

#[test]
fn mutated_bodies_match_the_reference() {
    let (mut keep, mut drop) = parsers();
    let mut random = Random(0x5eed);
    let mut accepted = 0;
    for body in bodies() {
        for _ in 0..150 {
            let mut mutant = body.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut mutant, &mut random);
            }
            accepted += usize::from(check(&mut keep, &mut drop, &mutant));
        }
    }
    assert!(accepted > 1000, "mutants that are still JSON: {accepted}");
}

#[test]
fn truncated_body_is_always_rejected() {
    let (mut keep, _) = parsers();
    for name in ["m_create.json", "t_string_lonesurr.json"] {
        let body = super::body(name);
        for end in 0..body.len() {
            let reject = keep.parse(&body[..end]).expect_err("a truncated event");
            let expected = if end == 0 { Reason::Empty } else { reject.reason.clone() };
            assert_eq!(reject.reason, expected);
            assert!(matches!(reject.reason, Reason::Empty | Reason::NotJson(_)), "{end}: {reject:?}");
            assert!(reject.byte_offset.is_none_or(|offset| offset <= end));
        }
    }
}

#[test]
fn any_byte_after_a_value_matches_the_reference() {
    let (mut keep, mut drop) = parsers();
    for value in ["1", "0", "-0", "1.5", "1E+15", "true", "false", "null", r#""x""#, "[]", "{}", "[1]"] {
        for byte in 0..=u8::MAX {
            let mut body = format!(r#"{{"MessageName":"A","a":{value}"#).into_bytes();
            body.push(byte);
            body.extend_from_slice(br#","b":2}"#);
            check(&mut keep, &mut drop, &body);
        }
    }
}

/// The fast path compares a name and its punctuation at once where the serializer writes them.
#[test]
fn any_changed_byte_of_a_serialized_event_matches_the_reference() {
    const BODY: &str = r#"{"InitiatingUserId":"u","InputParameters":[{"key":"a","value":1},{"key":"b","value":"x"}],"IsExecutingOffline":false,"IsInTransaction":true,"IsOfflinePlayback":false,"IsolationMode":1,"MessageName":"A","Mode":1}"#;
    let (mut keep, mut drop) = parsers();
    assert!(check(&mut keep, &mut drop, BODY.as_bytes()));
    for at in 0..BODY.len() {
        for byte in 0..0x80 {
            let mut body = BODY.as_bytes().to_vec();
            body[at] = byte;
            check(&mut keep, &mut drop, &body);
        }
    }
}

/// The fast path skips members that `ParentContext` repeats, so it must detect near repetitions.
#[test]
fn parent_context_that_nearly_repeats_its_event_matches_the_reference() {
    let (mut keep, mut drop) = parsers();
    let values =
        ["1", "-0.5", "true", "null", r#""x""#, r#""\/\"\u00e9""#, "[]", r#"{"c":[1,{"__type":"T:u"}]}"#];
    let mut matches = |before: &str, parent: &str| {
        let body = format!(r#"{{"MessageName":"A",{before}"ParentContext":{parent},"z":2}}"#);
        check(&mut keep, &mut drop, body.as_bytes())
    };
    for (value, comma) in
        values.iter().flat_map(|value| [",", ", ", " ,", "\n,\r\n"].map(|comma| (value, comma)))
    {
        let pairs = r#""p":[{"key":"k","value":null}],"#;
        let before = format!(r#""a":{value}{comma}"b" : {value} ,{pairs} "c":{value}{comma}"#);
        for parent in [
            format!(r#"{{"MessageName":"A","a":{value},"b" : {value} ,"p":[{{"key":"k","value":null}}]}}"#),
            format!(r#"{{"MessageName":"A","a":{value},"b":{value}}}"#),
            format!(r#"{{"a":{value},"MessageName":"A","b" : {value} , "b" : {value} }}"#),
            format!(
                r#"{{ "MessageName":"A","a":{value} ,"ParentContext":{{"MessageName":"A","a":{value}}}}}"#
            ),
            r#"{"MessageName":"A"}"#.to_owned(),
        ] {
            assert!(matches(&before, &parent), "{before} {parent}");
            for end in 1..parent.len() {
                matches(&before, &parent[..end]);
            }
        }
        for byte in (0..0x80_u8).map(char::from) {
            matches(&before, &format!(r#"{{"MessageName":"A","a":{value}{byte}"#));
            matches(&before, &format!(r#"{{"MessageName":"A","a":{value}{byte},"b" : {value} }}"#));
            matches(&before, &format!(r#"{{"MessageName":"A","a":{value}{byte}}}"#));
        }
    }
}

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    const JSON_BYTES: &[u8] = br#"{}[]:,"\/0123456789-+.eEnulltrfas u_kKvVd8c "#;
    let at = random.below(body.len().max(1)).min(body.len().saturating_sub(1));
    match random.below(6) {
        0 => body[at] = random.below(256) as u8,
        1 => body[at] = JSON_BYTES[random.below(JSON_BYTES.len())],
        2 => body.insert(at, JSON_BYTES[random.below(JSON_BYTES.len())]),
        3 => drop(body.remove(at)),
        4 => {
            let piece = body[at..(at + 1 + random.below(60)).min(body.len())].to_vec();
            let to = random.below(body.len());
            body.splice(to..to, piece);
        }
        _ => drop(body.drain(at..(at + 1 + random.below(30)).min(body.len()))),
    }
}

/// xorshift64*: small, and the same on every platform.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}
