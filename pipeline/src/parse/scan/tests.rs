//! The scanner alone: places, and which texts are odd.

use super::places::{BLOCK, Places};
use crate::generator::{Generator, Size};
use crate::parse::tests::{corpus, oracle};
use crate::parse::{ParentContext, Parser};

/// Where a text bends, byte by byte.
fn places(text: &[u8]) -> Vec<u32> {
    let bends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    (0..).zip(text).filter(|(_, byte)| bends(byte)).map(|(at, _)| at).collect()
}

/// One behind the other.
fn all(found: &Places) -> Vec<u32> {
    let next = |from: usize| Some(found.next(from)).filter(|place| *place < usize::MAX);
    std::iter::successors(next(0), |place| next(place + 1)).map(|place| place as u32).collect()
}

#[test]
fn places_are_found_whatever_the_processor_has() {
    let mut found = Places::default();
    let mut check = |text: &[u8]| {
        found.find(text);
        assert_eq!(all(&found), places(text), "{text:?}");
        found.find_portably(text);
        assert_eq!(all(&found), places(text), "{text:?}, portably");
    };
    for byte in 0..=u8::MAX {
        for len in [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            check(&vec![byte; len]);
            let mut text = vec![b'a'; len];
            text[len / 2] = byte;
            check(&text);
            // Next to another.
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
fn what_is_odd_can_be_named() {
    let odd = |members: &str| {
        let body = format!(r#"{{"MessageName":"Probe",{members}}}"#);
        Parser::new(ParentContext::Drop).parse(body.as_bytes()).expect(&body).odd
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
        assert!(odd(members), "{members}");
    }
    for members in [
        r#""p":[{"key":"a","value":1},{"key":"b","value":{"x":[]}}]"#,
        r#""p":[{"Key":"a","Value":1}]"#,
        r#""p":[{"__type":"P:#q","key":"\/a","value":"\ud83d\ude00"}]"#,
        r#""p":[{"key":{},"value":1},{"key":"a","value":2}]"#,
        "\r\n \"p\" : [ { \"key\" : \"a\\n\" ,\n\t\"value\" : null } ] ,\n\"q\" : [ \"\\\\\" , 1.50E+3 ]\n",
        r#""p":{"x":1,"__type":"Entity"},"ParentContext":{"a":[1,{"__type":"T"},"\"\\\u00e9"]}"#,
    ] {
        assert!(!odd(members), "{members}");
    }
}

/// What the scanner is for takes it: what the serializer writes, and what people made of that.
#[test]
fn no_event_is_odd_without_a_reason() {
    let mut parser = Parser::new(ParentContext::Drop);
    let mut odd = |body: &[u8]| parser.parse(body).is_ok_and(|event| event.odd);
    for size in [Size::Small, Size::Typical, Size::Large, Size::Mixed] {
        let mut generator = Generator::new(3, size);
        for _ in 0..200 {
            let mut body = Vec::new();
            generator.next(&mut body);
            assert!(!odd(&body), "{}", String::from_utf8_lossy(&body));
        }
    }
    for (name, body) in oracle() {
        // Half a surrogate pair.
        let reason = ["t_string_lonesurr.json"].contains(&name.as_str());
        assert_eq!(odd(&body), reason, "{name}");
    }
    for (name, body) in corpus() {
        assert!(!odd(&body), "{name}");
    }
}
