//! Normal form, numbers, escapes, and the members of the root object.

use super::{ParentContext, Parser, event_with, parse, render};
use crate::event::tree::Kind;
use crate::event::{Member, Table};

/// The rendered value of member `p` of an event.
fn shape(written: &str) -> String {
    parse(event_with(&format!(r#""p":{written}"#)).as_bytes(), |event| {
        let tree = event.expect(written).tree;
        render(tree, tree.member(tree.root(), "p").expect(written))
    })
}

fn check(cases: &[(&str, &str)]) {
    for (written, expected) in cases {
        assert_eq!(shape(written), *expected, "{written}");
    }
}

#[test]
fn lists_of_pairs_become_pairs() {
    check(&[
        (r#"[{"key":"a","value":1},{"key":"b","value":null}]"#, "<a:1,b:null,>"),
        (r#"[{"Key":"a","Value":1}]"#, "<a:1,>"),
        (r#"[{"key":"a","Value":1}]"#, "<a:1,>"),
        (r#"[{"value":[1,[2]],"key":"a"},{"value":{"x":3},"key":"b"}]"#, "<a:[1,[2,],],b:{x:3,},>"),
        (r#"[{"__type":"KeyValuePairOfstringstring:#S","key":"a","value":"1"}]"#, r#"<a:"1",>"#),
        (r#"[{"key":"a","value":"1","__type":"P"}]"#, r#"<a:"1",>"#),
        (r#"[{"key":"a","value":[{"key":"b","value":[]}]}]"#, "<a:<b:[],>,>"),
        (r#"[{"key":"","value":0}]"#, "<:0,>"),
        (r#"[{"key":"a\/b","value":0}]"#, "<a/b:0,>"),
    ]);
}

#[test]
fn other_lists_stay_lists() {
    check(&[
        ("[]", "[]"),
        ("[1]", "[1,]"),
        (r#"[{"key":"a","value":1},{"key":"a","value":2}]"#, r#"[{key:"a",value:1,},{key:"a",value:2,},]"#),
        (
            r#"[{"key":"a","value":1},{"key":"\u0061","value":2}]"#,
            r#"[{key:"a",value:1,},{key:"a",value:2,},]"#,
        ),
        (r#"[{"key":"a","value":1},{"key":"A","value":2}]"#, "<a:1,A:2,>"),
        (r#"[{"key":1,"value":1}]"#, "[{key:1,value:1,},]"),
        (r#"[{"key":null,"value":1}]"#, "[{key:null,value:1,},]"),
        (r#"[{"key":"a"}]"#, r#"[{key:"a",},]"#),
        (r#"[{"key":"a","__type":"P"}]"#, r#"[P{key:"a",},]"#),
        (r#"[{"key":"a","key":"b"}]"#, r#"[{key:"a",key:"b",},]"#),
        (r#"[{"key":"a","Key":"b","value":1}]"#, r#"[{key:"a",Key:"b",value:1,},]"#),
        (r#"[{"key":"a","value":1,"more":2}]"#, r#"[{key:"a",value:1,more:2,},]"#),
        (r#"[{"key":"a","value":1,"__type":1}]"#, r#"[{key:"a",value:1,__type:1,},]"#),
        (r#"[{"key":"a","value":1},2]"#, r#"[{key:"a",value:1,},2,]"#),
        (r#"[{"key":{"SchemaName":"s"},"value":{}}]"#, r#"[{key:{SchemaName:"s",},value:{},},]"#),
        (r#"[{"KEY":"a","VALUE":1}]"#, r#"[{KEY:"a",VALUE:1,},]"#),
        ("[{}]", "[{},]"),
    ]);
}

#[test]
fn duplicate_keys_are_found_in_lists_of_any_length() {
    for count in [7, 8, 9, 10, 100, 5000] {
        let key = |number| format!("attribute_with_a_long_name_{number}");
        let pair = |key: String| format!(r#"{{"key":"{key}","value":0}}"#);
        let mut pairs: Vec<String> = (0..count).map(|number| pair(key(number))).collect();
        let kind = |pairs: &[String]| shape(&format!("[{}]", pairs.join(",")))[..1].to_owned();
        assert_eq!(kind(&pairs), "<", "{count} keys");
        pairs[count - 1] = pair(key(count / 2));
        assert_eq!(kind(&pairs), "[", "{count} keys, one of them twice");
    }
}

#[test]
fn types_become_type_names() {
    check(&[
        (r#"{"__type":"Entity:http:\/\/schemas.microsoft.com\/xrm","Id":1}"#, "Entity{Id:1,}"),
        (r#"{"__type":"Entity:http://schemas.microsoft.com/xrm","Id":1}"#, "Entity{Id:1,}"),
        ("\t{\r\n \"Id\" :\t[ 1 ,\n2 ] , \"__type\" : \"Money:#x\" }\n", "Money{Id:[1,2,],}"),
        (r#"{"Id":1,"__type":"Money:#x","Value":2}"#, "Money{Id:1,Value:2,}"),
        (r#"{"__type":"NoColon"}"#, "NoColon{}"),
        (r#"{"__type":""}"#, "{}"),
        (r#"{"__type":":x"}"#, "{}"),
        (r#"{"__type":"\u0041\/b:c"}"#, "A/b{}"),
        (r#"{"__type":1}"#, "{__type:1,}"),
        (r#"{"__type":null,"a":1}"#, "{__type:null,a:1,}"),
        (r#"{"__type":"A","__type":"B"}"#, r#"A{__type:"B",}"#),
        (r#"{"\u005f_type":"A:b"}"#, "A{}"),
    ]);
}

#[test]
fn numbers_keep_every_character() {
    for number in [
        "0",
        "-0",
        "1",
        "-1",
        "1.0000000000",
        "-0.0000000001",
        "79228162514264337593543950335",
        "0.33333333333333331",
        "1E+15",
        "1E+300",
        "-1.5E-10",
        "1e5",
        "4.9406564584124654E-324",
        "1.7976931348623157E+308",
        "1E-400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "922337203685477.5807",
        "123456789012345678901234567890.123456789012345678901234567890",
        "0e99999999999",
        "1E+400",
        "-1.5e+99999999999999999999",
        "1e-99999999999999999999",
        &"9".repeat(1000),
    ] {
        assert_eq!(shape(number), number);
        assert_eq!(shape(&format!(" {number}\r\n\t")), number, "in white space");
        assert_eq!(shape(&format!("[{number} , {number}]")), format!("[{number},{number},]"));
    }
    let long = format!("{}1.{}", "1".repeat(2000), "2".repeat(2000)).replace("1.", "e-");
    assert_eq!(shape(&long), long);
    let bytes = vec!["250"; 100_000].join(",");
    assert_eq!(shape(&format!("[{bytes}]")), format!("[{bytes},]"));
}

#[test]
fn texts_are_unescaped() {
    check(&[
        (r#""""#, r#""""#),
        (r#""plain""#, r#""plain""#),
        (r#""/Date(1715065689000)/""#, r#""/Date(1715065689000)/""#),
        (r#""\/Date(1715065689000)\/""#, r#""/Date(1715065689000)/""#),
        (r#""a\"b\\c\/d""#, r#""a\"b\\c/d""#),
        (r#""\\\"""#, r#""\\\"""#),
        (r#""\u000a\u00e9\u2028""#, r#""\né\u{2028}""#),
        (r#""\ud83d\ude00""#, "\"😀\""),
        (r#""é😀""#, "\"é😀\""),
        (r#""\b\f\n\r\t""#, r#""\u{8}\u{c}\n\r\t""#),
        (r#"{"a\/b":1,"":2}"#, "{a/b:1,:2,}"),
    ]);
    let long = "x".repeat(70_000);
    assert_eq!(shape(&format!(r#""{long}\/{long}""#)), format!(r#""{long}/{long}""#));
}

#[test]
fn lone_surrogates_are_replaced_and_reported() {
    let cases = [
        (r"x\ud83dy", "x\u{fffd}y", true),
        (r"\ude00", "\u{fffd}", true),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀", true),
        (r"\ud83d\ud83d", "\u{fffd}\u{fffd}", true),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}", true),
        (r"\uD83D\\ude00", "\u{fffd}\\ude00", true),
        (r"\ud83d\u0041", "\u{fffd}A", true),
        (r"\ud83d\n", "\u{fffd}\n", true),
        (r"\\ud83d", "\\ud83d", false),
        (r"\ud83d\ude00", "😀", false),
        (r"\ufffd", "\u{fffd}", false),
        (r"\\\ud83d", "\\\u{fffd}", true),
    ];
    for (written, expected, repaired) in cases {
        parse(event_with(&format!(r#""\/":1.50,"p":"{written}","{written}":2"#)).as_bytes(), |event| {
            let event = event.expect(written);
            let tree = event.tree;
            let names: Vec<_> = tree.members(tree.root()).map(|(name, _)| tree.text(name)).collect();
            assert_eq!(names, ["MessageName", "/", "p", expected]);
            assert_eq!(tree.text(tree.member(tree.root(), "p").unwrap()), expected, "{written}");
            assert_eq!(event.repaired, repaired, "{written}");
        });
    }
}

#[test]
fn accepts_byte_order_mark_and_body_in_a_string() {
    let plain = event_with(r#""p":[1.50,"\/\u00e9\"","\ud83d"]"#);
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let marked = format!("\u{feff}{plain}");
    for (body, repaired) in [
        (format!("\r\n {plain}\n"), true),
        (marked.clone(), true),
        (format!("\u{feff}\t{plain}"), true),
        (quoted(&plain), true),
        (quoted(&marked), true),
        (format!(" {} ", quoted(&plain)), true),
        (quoted(&event_with(r#""p":1"#)), false),
        (quoted(&event_with(r#""p":"é😀""#)).replace('é', r"\u00e9\ud83d"), true),
    ] {
        parse(body.as_bytes(), |event| {
            let event = event.expect(&body);
            assert_eq!(event.message, "Probe");
            assert_eq!(event.repaired, repaired, "{body}");
            if body.contains("1.50") {
                let list = event.tree.member(event.tree.root(), "p").unwrap();
                assert_eq!(render(event.tree, list), "[1.50,\"/é\\\"\",\"\u{fffd}\",]");
            }
        });
    }
}

#[test]
fn members_are_found_in_any_order_and_duplicates_keep_the_first() {
    let body = r#"{"UserId":"u","Depth":1,"New":[2],"MessageName":"Create","Depth":2,"BusinessUnitId":null}"#;
    parse(body.as_bytes(), |event| {
        let event = event.unwrap();
        let text = |member| event.member(member).map(|node| render(event.tree, node));
        assert_eq!(text(Member::UserId).unwrap(), r#""u""#);
        assert_eq!(text(Member::Depth).unwrap(), "1");
        assert_eq!(text(Member::BusinessUnitId).unwrap(), "null");
        assert_eq!(text(Member::Stage), None);
        assert_eq!(
            render(event.tree, event.tree.root()),
            r#"{UserId:"u",Depth:1,New:[2,],MessageName:"Create",Depth:2,BusinessUnitId:null,}"#
        );
    });
}

#[test]
fn target_is_an_input_parameter() {
    for (inputs, expected) in [
        (r#"[{"key":"x","value":1},{"key":"Target","value":{"__type":"Entity:x"}}]"#, Some("Entity{}")),
        (r#"[{"key":"Target","value":null}]"#, Some("null")),
        (r#"[{"key":"target","value":1}]"#, None),
        (r#"[{"key":"Target","value":1},{"key":"Target","value":2}]"#, None),
        (r#"{"Target":1}"#, None),
        ("[]", None),
        ("null", None),
    ] {
        parse(event_with(&format!(r#""InputParameters":{inputs}"#)).as_bytes(), |event| {
            let event = event.unwrap();
            let target = event.target.map(|target| render(event.tree, target));
            assert_eq!(target.as_deref(), expected, "{inputs}");
        });
    }
}

#[test]
fn parent_context_is_dropped_or_kept() {
    // Members, the tree if dropped, the flag if dropped, the tree if kept.
    let cases = [
        (r#""ParentContext":{"a":[1]},"Stage":2"#, "Stage:2,", true, "ParentContext:{a:[1,],},Stage:2,"),
        (r#""Stage":2,"ParentContext":{"a":1}"#, "Stage:2,", true, "Stage:2,ParentContext:{a:1,},"),
        (r#""ParentContext":null,"Stage":2"#, "Stage:2,", false, "ParentContext:null,Stage:2,"),
        (r#""ParentContext":[],"Stage":2"#, "Stage:2,", true, "ParentContext:[],Stage:2,"),
        (r#""ParentContext":"x""#, "", true, r#"ParentContext:"x","#),
        (r#""Stage":2"#, "Stage:2,", false, "Stage:2,"),
        (
            r#""ParentContext":1,"ParentContext":2.0"#,
            "ParentContext:2.0,",
            true,
            "ParentContext:1,ParentContext:2.0,",
        ),
        (r#""x":{"ParentContext":1}"#, "x:{ParentContext:1,},", false, "x:{ParentContext:1,},"),
    ];
    for (written, dropped, flag, kept) in cases {
        for (setting, flag, expected) in
            [(ParentContext::Drop, flag, dropped), (ParentContext::Keep, false, kept)]
        {
            let body = event_with(written);
            let mut parser = Parser::new(setting);
            let event = parser.parse(body.as_bytes()).unwrap();
            let tree = render(event.tree, event.tree.root());
            assert_eq!(tree, format!(r#"{{MessageName:"Probe",{expected}}}"#));
            assert_eq!(event.parent_context_dropped, flag, "{written} {setting:?}");
        }
    }
}

#[test]
fn parser_is_reused_after_rejects_and_long_bodies() {
    let mut parser = Parser::new(ParentContext::Keep);
    for round in 0..3 {
        assert!(parser.parse(b"{").is_err());
        let long =
            event_with(&format!(r#""PrimaryEntityName":"account","p":"{}\/""#, "x".repeat(9000 * round)));
        assert_eq!(parser.parse(long.as_bytes()).unwrap().table, Table::Entity("account"));
        let event = parser.parse(br#"{"MessageName":"Later"}"#).unwrap();
        assert_eq!((event.message, event.table, event.tree.len()), ("Later", Table::Messages, 3));
        assert_eq!(event.tree.kind(event.tree.root()), Kind::Object);
    }
}
