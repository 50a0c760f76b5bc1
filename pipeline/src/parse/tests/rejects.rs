//! Rejected bodies, with reason and offset.

use super::{body, event_with, parse};
use crate::event::{Reason, Reject};
use crate::parse::limits::MAX_BODY;

fn reject(body: &[u8]) -> Reject {
    parse(body, |event| event.expect_err(&String::from_utf8_lossy(&body[..body.len().min(200)])))
}

fn check(body: &[u8], reason: Reason, byte_offset: Option<usize>) {
    let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    assert_eq!(reject(body), Reject { reason, byte_offset }, "{shown}");
}

#[test]
fn detects_empty_binary_and_encoded_bodies_by_their_first_bytes() {
    check(b"", Reason::Empty, None);
    check(b" \r\n\t", Reason::Empty, None);
    check(b"\xef\xbb\xbf", Reason::Empty, None);
    check(b"\xef\xbb\xbf  ", Reason::Empty, None);
    check(br#""""#, Reason::Empty, None);
    check(br#"" ""#, Reason::Empty, None);
    check(b"@\x16RemoteExecutionContext\x08", Reason::BinaryXml, Some(0));
    check(b"@\x06string\x083http://schemas", Reason::BinaryXml, Some(0));
    check(b"V\x02\x0b\x01a", Reason::BinaryXml, Some(0));
    check(b"{\"a\":\"\xff\"}", Reason::InvalidUtf8, Some(6));
    check(b"\xef\xbb\xbf{\"a\":\"\xc3\"}", Reason::InvalidUtf8, Some(9));
    for utf16 in [&b"\xff\xfe{\0"[..], b"\xfe\xff\0{", b"{\0\"\0", b"<\0r\0", b"\0<\0r"] {
        check(utf16, Reason::Encoded("UTF-16"), Some(0));
    }
    check(b"\x1f\x8b\x08\0", Reason::Encoded("compressed with gzip"), Some(0));
    check(&vec![b' '; MAX_BODY + 1], Reason::TooLarge { of: "bytes", max: MAX_BODY }, None);
}

#[test]
fn malformed_json_has_a_reason_and_an_offset() {
    for (body, words, offset) in [
        ("hello", "not a value: 'h'", 0),
        ("{", "it ends before it is complete", 1),
        (r#"{"a":1"#, "it ends before it is complete", 6),
        (r#"{"a""#, "it ends before it is complete", 4),
        (r#"{"a":"b"#, "unterminated string: '\"'", 5),
        (r#"{"a":"b\"#, "unterminated string: '\"'", 5),
        (r#"{"a":nan}"#, "not true, false or null: 'n'", 5),
        (r#"{"a":Infinity}"#, "not a value: 'I'", 5),
        (r#"{"a":-Infinity}"#, "malformed number: 'I'", 6),
        (r#"{"a":+1}"#, "not a value: '+'", 5),
        (r#"{"a":.5}"#, "not a value: '.'", 5),
        (r#"{"a":01}"#, "malformed number: '1'", 6),
        (r#"{"a":1.}"#, "malformed number: '}'", 7),
        (r#"{"a":1e}"#, "malformed number: '}'", 7),
        (r#"{"a":0x1}"#, "malformed number: 'x'", 6),
        (r#"{"a":tru}"#, "not true, false or null: 't'", 5),
        (r#"{"a":nul}"#, "not true, false or null: 'n'", 5),
        (r#"{"a":}"#, "not a value: '}'", 5),
        (r#"{"a":[1,]}"#, "not a value: ']'", 8),
        (r#"{"a":[1 2]}"#, "not a comma or the list's end: '2'", 8),
        (r#"{"a":1 "b":2}"#, "not a comma, a member or the object's end: '\"'", 7),
        (r#"{"a" 1}"#, "a colon is missing after a member's name: '1'", 5),
        (r#"{"a":1,}"#, "a member's name is missing after a comma: '}'", 7),
        ("{a:1}", "not a comma, a member or the object's end: 'a'", 1),
        (r#"{"a":1} x"#, "unexpected content after the end: 'x'", 8),
        (r#"{"a":1}{"b":2}"#, "unexpected content after the end: '{'", 7),
        (r#"["a"]]"#, "unexpected content after the end: ']'", 5),
        (r#"{"a":"\x"}"#, "unknown escape: '\\'", 6),
        (r#"{"\n":"b","a":"\u12g4"}"#, "unknown escape: '\\'", 15),
        (r#"{"a":"\ud83d","b":"\q"}"#, "unknown escape: '\\'", 19),
        ("{\"a\":\"x\ny\"}", "unescaped control character in a string", 7),
        ("{\"a\":\"x\0y\"}", "unescaped control character in a string", 7),
        ("{\"a\":1\0}", "malformed number", 6),
        ("{'a':1}", "not a comma, a member or the object's end: '''", 1),
        ("\u{feff}{'a':1}", "not a comma, a member or the object's end: '''", 4),
    ] {
        check(body.as_bytes(), Reason::NotJson(words.into()), Some(offset));
    }
    for (body, words, offset) in [
        (r#"{"a":01e400}"#, "malformed number: '1'", 6),
        (r#"{"a":+1e400}"#, "not a value: '+'", 5),
        (r#"{"a":[1e400 1e400]}"#, "not a comma or the list's end: '1'", 12),
        (r#"{"a":1e400"#, "it ends before it is complete", 10),
    ] {
        check(body.as_bytes(), Reason::NotJson(words.into()), Some(offset));
    }
}

#[test]
fn reason_of_binary_xml_names_the_remedy() {
    assert!(Reason::BinaryXml.to_string().ends_with("register the endpoint with JSON or XML"));
}

#[test]
fn rejects_nan_and_infinity_by_name() {
    for (body, number, offset) in [
        (r#"{"a":NaN}"#, "NaN", 5),
        (r#"{"a":INF}"#, "INF", 5),
        (r#"{"a":-INF}"#, "-INF", 5),
        (r#"{"a":[1, -INF ]}"#, "-INF", 9),
        (r#"{"a":1e400,"b":INF}"#, "INF", 15),
        (r#"{"a":"\ud83d","b":NaN}"#, "NaN", 18),
        ("\u{feff}{\"a\":NaN}", "NaN", 8),
    ] {
        check(body.as_bytes(), Reason::NotFinite(number), Some(offset));
    }
    check(br#""{\"a\":NaN}""#, Reason::NotFinite("NaN"), None);
    for (name, number) in [("t_double_inf.json", "INF"), ("t_double_ninf.json", "-INF")] {
        let body = body(name);
        let offset = body.windows(number.len()).position(|window| window == number.as_bytes()).unwrap();
        check(&body, Reason::NotFinite(number), Some(offset));
        assert!(reject(&body).reason.to_string().contains(number), "{name}");
    }
}

#[test]
fn rejects_json_that_is_not_an_event() {
    for body in [
        "[]",
        "1",
        "-1.5",
        "true",
        "null",
        r#"["MessageName"]"#,
        r#""\"{}\"""#,
        r#"[{"key":"MessageName","value":"x"}]"#,
    ] {
        check(body.as_bytes(), Reason::NotAnObject, None);
    }
    for body in [
        "{}",
        r#"{"PrimaryEntityName":"none"}"#,
        r#"{"MessageName":null}"#,
        r#"{"MessageName":""}"#,
        r#"{"MessageName":1}"#,
        r#"{"MessageName":{},"MessageName":"Create"}"#,
        r#"{"messagename":"Create"}"#,
        r#"{"ParentContext":{"MessageName":"Create"}}"#,
    ] {
        check(body.as_bytes(), Reason::NoMessageName, None);
    }
}

#[test]
fn rejects_nesting_deeper_than_128() {
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    for member in ["p", "ParentContext"] {
        for nested in [lists, objects] {
            let of = |depth| event_with(&format!(r#""{member}":{}"#, nested(depth))).into_bytes();
            parse(&of(127), |event| assert!(event.is_ok()));
            assert_eq!(reject(&of(128)).reason, Reason::TooDeep);
            assert_eq!(reject(&of(10_000)).reason, Reason::TooDeep);
        }
    }
    check("[".repeat(10_000).as_bytes(), Reason::TooDeep, Some(128));
    assert_eq!(reject(r#"{"a":"#.repeat(100_000).as_bytes()).reason, Reason::TooDeep);
}
