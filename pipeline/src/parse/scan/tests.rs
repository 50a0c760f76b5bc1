//! The structural index, and which bodies take the slow path.

use super::blocks::BLOCK;
use super::structural_index::StructuralIndex;
use crate::generator::{Generator, Size};
use crate::parse::tests::{corpus, oracle};
use crate::parse::{ParentContext, Parser};

/// The positions that the index should hold, found byte by byte.
fn expected(text: &[u8]) -> Vec<u32> {
    let is_structural = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    (0..).zip(text).filter(|(_, byte)| is_structural(byte)).map(|(at, _)| at).collect()
}

/// All positions of an index.
fn positions(index: &StructuralIndex) -> Vec<u32> {
    let next = |from: usize| Some(index.next(from)).filter(|at| *at < usize::MAX);
    std::iter::successors(next(0), |at| next(at + 1)).map(|at| at as u32).collect()
}

#[test]
fn vector_and_portable_index_find_every_structural_byte() {
    let mut index = StructuralIndex::default();
    let mut check = |text: &[u8]| {
        index.build(text);
        assert_eq!(positions(&index), expected(text), "{text:?}");
        index.build_portably(text);
        assert_eq!(positions(&index), expected(text), "{text:?}, portably");
    };
    for byte in 0..=u8::MAX {
        for len in [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            check(&vec![byte; len]);
            let mut text = vec![b'a'; len];
            text[len / 2] = byte;
            check(&text);
            // Next to another one.
            text[len / 3] = byte.wrapping_add(1);
            check(&text);
        }
    }
    check(b"");
    for (_, body) in oracle() {
        check(&body);
    }
}

#[test]
fn unusual_shapes_take_the_slow_path() {
    let takes_slow_path = |members: &str| {
        let body = format!(r#"{{"MessageName":"Probe",{members}}}"#);
        Parser::new(ParentContext::Drop).parse(body.as_bytes()).expect(&body).slow_path
    };
    for members in [
        r#""p":[{"value":1,"key":"a"}]"#,
        r#""p":[{"key":"a","value":1,"__type":"P"}]"#,
        r#""p":[{"key":"a","value":1},{"key":"a","value":2}]"#,
        r#""p":[{"key":"a","value":1},2]"#,
        r#""p":[{"key":"a"}]"#,
        r#""\u0070":1"#,
        r#""p":"\ud83d""#,
        r#""p":{"__type":"\u0041"}"#,
    ] {
        assert!(takes_slow_path(members), "{members}");
    }
    for members in [
        r#""p":[{"key":"a","value":1},{"key":"b","value":{"x":[]}}]"#,
        r#""p":[{"Key":"a","Value":1}]"#,
        r#""p":[{"__type":"P:#q","key":"\/a","value":"\ud83d\ude00"}]"#,
        r#""p":[{"key":{},"value":1},{"key":"a","value":2}]"#,
        "\r\n \"p\" : [ { \"key\" : \"a\\n\" ,\n\t\"value\" : null } ] ,\n\"q\" : [ \"\\\\\" , 1.50E+3 ]\n",
        r#""p":{"x":1,"__type":"Entity"},"ParentContext":{"a":[1,{"__type":"T"},"\"\\\u00e9"]}"#,
    ] {
        assert!(!takes_slow_path(members), "{members}");
    }
}

/// Bodies as the serializer writes them, and real bodies that people edited.
#[test]
fn generated_and_real_events_take_the_fast_path() {
    let mut parser = Parser::new(ParentContext::Drop);
    let mut takes_slow_path = |body: &[u8]| parser.parse(body).is_ok_and(|event| event.slow_path);
    for size in [Size::Small, Size::Typical, Size::Large, Size::Mixed] {
        let mut generator = Generator::new(3, size);
        for _ in 0..200 {
            let mut body = Vec::new();
            generator.next(&mut body);
            assert!(!takes_slow_path(&body), "{}", String::from_utf8_lossy(&body));
        }
    }
    for (name, body) in oracle() {
        let has_lone_surrogate = name == "t_string_lonesurr.json";
        assert_eq!(takes_slow_path(&body), has_lone_surrogate, "{name}");
    }
    for (name, body) in corpus() {
        assert!(!takes_slow_path(&body), "{name}");
    }
}
