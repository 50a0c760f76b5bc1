//! The parser against the slow reader: every body, spaced out, and mutated.

use std::cell::RefCell;

use super::slow::{self, Slow};
use super::{ParentContext, Parser, oracle, render};
use crate::event::tree::{NodeId, Tree};
use crate::event::{ChangeEvent, Reason, Reject, Table};

/// What the slow reader makes of a body: an event in normal form and its leaves.
fn expected(body: &[u8]) -> Option<(Slow, Vec<String>)> {
    let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()?;
    let mut value = slow::read(text)?;
    if let Slow::Text(text) = &value {
        value = slow::read(text)?;
    }
    let has_message = matches!(value.member("MessageName"), Some(Slow::Text(message)) if !message.is_empty());
    (has_message || table_of(&value).is_some()).then(|| {
        let mut leaves = Vec::new();
        value.leaves(&mut leaves);
        (value, leaves)
    })
}

/// The table the body names, if it is one of Dataverse.
fn table_of(value: &Slow) -> Option<&str> {
    let Some(Slow::Text(name)) = value.member("PrimaryEntityName") else { return None };
    let is_none = ["", "none"].contains(&name.as_str());
    let is_ours = ["_messages", "_quarantine"].iter().any(|ours| name.eq_ignore_ascii_case(ours));
    (!is_none && !is_ours).then_some(name.as_str())
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

/// Both parsers against the slow reader; whether the body was accepted.
pub(super) fn check(keep: &mut Parser, drop: &mut Parser, body: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(body);
    let (kept, dropped) = (keep.parse(body), drop.parse(body));
    GENERAL.with_borrow_mut(|[keep, drop]| {
        check_general(&kept, &keep.parse(body), &shown);
        check_general(&dropped, &drop.parse(body), &shown);
    });
    let Some((value, expected_leaves)) = expected(body) else {
        let reject = kept.expect_err(&shown);
        assert_eq!(dropped.expect_err(&shown), reject);
        assert!(reject.byte_offset.is_none_or(|place| place <= body.len()), "{reject:?}: {shown}");
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
    static GENERAL: RefCell<[Parser; 2]> =
        RefCell::new([ParentContext::Keep, ParentContext::Drop].map(Parser::slow_path_only));
}

/// A body that does not take the general path ends as one that does.
fn check_general(
    read: &Result<ChangeEvent<'_>, Reject>,
    general: &Result<ChangeEvent<'_>, Reject>,
    shown: &str,
) {
    let (Ok(read), Ok(general)) = (read, general) else {
        return assert_eq!(read.as_ref().err(), general.as_ref().err(), "{shown}");
    };
    let seen = |event: &ChangeEvent<'_>| {
        let tree = render(event.tree, event.tree.root());
        let places = (event.target, event.members.clone(), event.parent_context_dropped, event.repaired);
        (tree, format!("{:?} {} {places:?}", event.table, event.message))
    };
    assert_eq!(seen(read), seen(general), "{shown}");
    assert!(general.slow_path, "{shown}");
}

fn check_table(table: Table<'_>, value: &Slow) {
    assert_eq!(table, table_of(value).map_or(Table::Messages, Table::Entity));
}

/// Without its first parent context, the event is the same.
fn check_dropped(mut value: Slow, dropped: &str, flag: bool) {
    let Slow::Object(members) = &mut value else { panic!("no object") };
    let parent = members.iter().position(|member| member.0 == "ParentContext");
    let parent = parent.map(|at| members.remove(at).1);
    assert_eq!(flag, parent.is_some_and(|parent| parent != Slow::Null));
    assert_eq!(dropped, value.normal());
}

pub(super) fn parsers() -> (Parser, Parser) {
    (Parser::new(ParentContext::Keep), Parser::new(ParentContext::Drop))
}

/// Written shapes that the oracle has none of.
fn written() -> Vec<Vec<u8>> {
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
    oracle().into_iter().map(|(_, body)| body).chain(written()).collect()
}

/// White space wherever JSON allows it.
fn spaced(body: &[u8]) -> Vec<u8> {
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
fn every_body_reads_as_the_slow_reader_reads_it() {
    let (mut keep, mut drop) = parsers();
    let mut accepted = 0;
    for body in bodies() {
        let compact = check(&mut keep, &mut drop, &body);
        assert_eq!(check(&mut keep, &mut drop, &spaced(&body)), compact);
        accepted += usize::from(compact);
    }
    assert_eq!(accepted, bodies().len() - 2, "all but the bare infinities");
}

#[test]
fn mutated_bodies_read_as_the_slow_reader_reads_them() {
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
fn a_truncated_body_is_always_rejected() {
    let (mut keep, _) = parsers();
    for name in ["m_create.json", "t_string_lonesurr.json"] {
        let body = super::body(name);
        for end in 0..body.len() {
            let reject = keep.parse(&body[..end]).expect_err("half an event is none");
            let expected = if end == 0 { Reason::Empty } else { reject.reason.clone() };
            assert_eq!(reject.reason, expected);
            assert!(matches!(reject.reason, Reason::Empty | Reason::NotJson(_)), "{end}: {reject:?}");
            assert!(reject.byte_offset.is_none_or(|place| place <= end));
        }
    }
}

#[test]
fn every_byte_behind_a_value_is_judged_alike() {
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

/// Names and punctuation that stand where the serializer writes them are compared in one go.
#[test]
fn every_byte_of_an_event_as_the_serializer_writes_it_is_judged_alike() {
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

/// What `ParentContext` says again is not read again, so what is nearly the same has to be told from it.
#[test]
fn a_parent_that_nearly_repeats_its_event_is_judged_alike() {
    let (mut keep, mut drop) = parsers();
    let values =
        ["1", "-0.5", "true", "null", r#""x""#, r#""\/\"\u00e9""#, "[]", r#"{"c":[1,{"__type":"T:u"}]}"#];
    let mut judge = |before: &str, parent: &str| {
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
            assert!(judge(&before, &parent), "{before} {parent}");
            for end in 1..parent.len() {
                judge(&before, &parent[..end]);
            }
        }
        for byte in (0..0x80_u8).map(char::from) {
            judge(&before, &format!(r#"{{"MessageName":"A","a":{value}{byte}"#));
            judge(&before, &format!(r#"{{"MessageName":"A","a":{value}{byte},"b" : {value} }}"#));
            judge(&before, &format!(r#"{{"MessageName":"A","a":{value}{byte}}}"#));
        }
    }
}

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    const TELLING: &[u8] = br#"{}[]:,"\/0123456789-+.eEnulltrfas u_kKvVd8c "#;
    let at = random.below(body.len().max(1)).min(body.len().saturating_sub(1));
    match random.below(6) {
        0 => body[at] = random.below(256) as u8,
        1 => body[at] = TELLING[random.below(TELLING.len())],
        2 => body.insert(at, TELLING[random.below(TELLING.len())]),
        3 => drop(body.remove(at)),
        4 => {
            let piece = body[at..(at + 1 + random.below(60)).min(body.len())].to_vec();
            let to = random.below(body.len());
            body.splice(to..to, piece);
        }
        _ => drop(body.drain(at..(at + 1 + random.below(30)).min(body.len()))),
    }
}

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}
