//! XML: values, text, namespaces, shapes, rejects.

use super::{ParentContext, Parser, data, files, parse, render};
use crate::event::{Member, Reason, Reject};

pub(super) const SDK: &str = "http://schemas.microsoft.com/xrm/2011/Contracts";

/// An event with this content besides its message.
pub(super) fn with(content: &str) -> String {
    format!(
        r#"<RemoteExecutionContext xmlns="{SDK}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:g="http://schemas.datacontract.org/2004/07/System.Collections.Generic" xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:s="http://schemas.microsoft.com/2003/10/Serialization/" xmlns:l="http://schemas.microsoft.com/2003/10/Serialization/Arrays"><MessageName>Probe</MessageName>{content}</RemoteExecutionContext>"#
    )
}

/// Checks the members of an event besides its message.
fn check(content: &str, expected: &str) {
    parse(with(content).as_bytes(), |event| {
        let event = event.unwrap_or_else(|reject| panic!("{content}: {reject:?}"));
        let tree = render(event.tree, event.tree.root());
        assert_eq!(tree, format!("{{MessageName:\"Probe\",{expected}}}"), "{content}");
    });
}

/// Checks a value that states its type.
fn check_value(value: &str, expected: &str) {
    check(&inputs(value), &format!("InputParameters:<P:{expected},>,"));
}

/// `attributes>content` as the value of a parameter.
fn inputs(value: &str) -> String {
    format!(
        "<InputParameters><KeyValuePairOfstringanyType><g:key>P</g:key><g:value {value}</g:value></KeyValuePairOfstringanyType></InputParameters>"
    )
}

/// Checks the reason and the offset of each body.
fn check_rejects(cases: &[(&str, Reason, Option<usize>)]) {
    let expected: Vec<_> = cases
        .iter()
        .map(|(body, reason, offset)| (*body, Some(Reject { reason: reason.clone(), byte_offset: *offset })))
        .collect();
    let found: Vec<_> = cases
        .iter()
        .map(|(body, ..)| (*body, Parser::new(ParentContext::Keep).parse(body.as_bytes()).err()))
        .collect();
    assert_eq!(found, expected);
}

fn not_xml(words: &str) -> Reason {
    Reason::NotXml(words.to_owned())
}

#[test]
fn values_have_their_json_form() {
    for (value, expected) in [
        (r#"i:type="x:string">a"#, r#""a""#),
        (r#"i:type="x:string"> a "#, r#"" a ""#),
        (r#"i:type="x:string">"#, r#""""#),
        (r#"i:type="x:string">true"#, r#""true""#),
        (r#"i:type="x:boolean">1"#, "true"),
        (r#"i:type="x:boolean"> false "#, "false"),
        (r#"i:type="x:boolean">perhaps"#, r#""perhaps""#),
        (r#"i:type="x:int">-12"#, "-12"),
        (r#"i:type="x:unsignedLong">18446744073709551615"#, "18446744073709551615"),
        (r#"i:type="x:decimal"> 1.50 "#, "1.50"),
        (r#"i:type="x:double">NaN"#, "NaN"),
        (r#"i:type="x:int">"#, r#""""#),
        (r#"i:type="s:guid">A"#, r#""A""#),
        (r#"i:type="s:duration">P1D"#, r#""P1D""#),
        (r#"i:type="s:char">8364"#, r#""€""#),
        (r#"i:type="s:char">x"#, r#""x""#),
        ("i:type=\"x:base64Binary\">AQ ID\n/w==", "[1,2,3,255,]"),
        (r#"i:type="x:base64Binary">"#, "[]"),
        (r#"i:type="x:base64Binary">?"#, r#""?""#),
        (r#"i:type="x:dateTime">2024-05-06T07:08:09Z"#, r#""/Date(1714979289000)/""#),
        (r#"i:type="x:dateTime">2024-05-06T07:08:09"#, r#""/Date(1714979289000+0000)/""#),
        (r#"i:type="x:dateTime">2024-05-06T07:08:09.12+02:00"#, r#""/Date(1714972089120+0200)/""#),
        (r#"i:type="x:dateTime">2024-05-06T07:08:09-09:30"#, r#""/Date(1715013489000-0930)/""#),
        (r#"i:type="x:dateTime">2024-05-06T07:08:09.1234567Z"#, r#"@"2024-05-06T07:08:09.1234567Z""#),
        (r#"i:type="x:dateTime"> soon "#, r#"@"soon""#),
        (r#"i:type="x:dateTime">"#, r#""""#),
        (r#"i:type="EntityState">Changed"#, "2"),
        (r#"i:type="EntityState">Lost"#, r#""Lost""#),
        (r#"i:nil="true">"#, "null"),
        (r#"i:nil="1" i:type="Money">"#, "null"),
        (r#"i:nil="false" i:type="x:int">1"#, "1"),
        (r#"i:nil="true" i:type="x:int">1"#, "1"),
        (">untyped", r#""untyped""#),
        (">", r#""""#),
        (r#"i:type="Money"><Value>1.00</Value>"#, "Money{Value:1.00,}"),
    ] {
        check_value(value, expected);
    }
}

#[test]
fn text_is_unescaped_and_normalized() {
    for (content, text, repaired) in [
        ("&lt;&gt;&amp;&apos;&quot;", "<>&'\"", false),
        ("&#65;&#x42;&#x1F600;", "AB\u{1f600}", false),
        ("&#x1;&#x0;&#xFFFE;&#xFFFF;&#8;", "\u{1}\0\u{fffe}\u{ffff}\u{8}", false),
        ("&#xD83D;&#xDE00;", "\u{1f600}", false),
        ("&#55357;&#56832;", "\u{1f600}", false),
        ("&#xD83D;", "\u{fffd}", true),
        ("a&#xDE00;b", "a\u{fffd}b", true),
        ("&#xD83D;x&#xDE00;", "\u{fffd}x\u{fffd}", true),
        ("&#xD83D;&#xD83D;&#xDE00;", "\u{fffd}\u{1f600}", true),
        ("&#xD83D;&amp;", "\u{fffd}&", true),
        ("&#xD83D;<!-- -->&#xDE00;", "\u{fffd}\u{fffd}", true),
        ("&#xD;\n", "\r\n", false),
        ("a\r\nb\rc\n\r\n", "a\nb\nc\n\n", false),
        ("\t é \n", "\t é \n", false),
        ("<![CDATA[a<b>&amp;]]>", "a<b>&amp;", false),
        ("a<![CDATA[]]>b<![CDATA[ c]]>", "ab c", false),
        ("a<!-- <x> -->b<?p <x>?>c", "abc", false),
        ("]]&gt;", "]]>", false),
    ] {
        let body = with(&format!("<X>{content}</X>"));
        parse(body.as_bytes(), |event| {
            let event = event.unwrap_or_else(|reject| panic!("{content}: {reject:?}"));
            let node = event.tree.member(event.tree.root(), "X").unwrap();
            assert_eq!((event.tree.text(node), event.repaired), (text, repaired), "{content}");
        });
    }
}

#[test]
fn namespaces_decide_and_prefixes_do_not() {
    for (content, expected) in [
        (r#"<a:Depth xmlns:a="http://schemas.microsoft.com/xrm/2011/Contracts">1</a:Depth>"#, "Depth:1,"),
        (r#"<Depth xmlns="http://schemas.microsoft.com/xrm/9.0/Contracts">1</Depth>"#, "Depth:1,"),
        (r#"<Depth xmlns="urn:x">1</Depth>"#, r#"{urn:x}Depth:"1","#),
        (r#"<Depth xmlns="">1</Depth>"#, r#"{}Depth:"1","#),
        (r#"<i:Depth xmlns:i="urn:x">1</i:Depth>"#, r#"{urn:x}Depth:"1","#),
        (
            "<g:Depth>1</g:Depth>",
            r#"{http://schemas.datacontract.org/2004/07/System.Collections.Generic}Depth:"1","#,
        ),
        (r#"<X i:nil="true"/>"#, "X:null,"),
        (r#"<X i:nil="true" xmlns:i="urn:x"/>"#, r#"X:"","#),
        (r#"<X nil="true"/>"#, r#"X:"","#),
        (r#"<X b:nil="true" xmlns:b="http://www.w3.org/2001/XMLSchema-instance"/>"#, "X:null,"),
        (r#"<X i:type="y:int" xmlns:y="http://www.w3.org/2001/XMLSchema">1</X>"#, "X:1,"),
        (
            r#"<X i:type="int" xmlns="http://www.w3.org/2001/XMLSchema">1</X>"#,
            "{http://www.w3.org/2001/XMLSchema}X:1,",
        ),
        (r#"<X i:type="x:int" xmlns:x="urn:x">1</X>"#, r#"X:"1","#),
        (r#"<X i:type="int">1</X>"#, r#"X:"1","#),
        (r#"<X i:type="x:Money"><Value>1</Value></X>"#, r#"X:Money{Value:"1",},"#),
        (r#"<X xsi:type="other" i:type="x:int" xmlns:xsi="urn:x">1</X>"#, "X:1,"),
    ] {
        check(content, expected);
    }
    let body = format!(
        r#"<q:RemoteExecutionContext xmlns:q="{SDK}" xmlns="urn:x"><q:PrimaryEntityName>account</q:PrimaryEntityName><MessageName>no</MessageName></q:RemoteExecutionContext>"#
    );
    parse(body.as_bytes(), |event| {
        let event = event.unwrap();
        assert_eq!((event.table.name(), event.message), ("account", ""));
    });
}

#[test]
fn unknown_content_is_read_by_its_shape() {
    for (content, expected) in [
        ("<X/>", r#"X:"","#),
        ("<X>5</X>", r#"X:"5","#),
        ("<X>\n <A>1</A>\n <B i:nil=\"true\"/>\n</X>", r#"X:{A:"1",B:null,},"#),
        ("<X><A>1</A></X>", r#"X:{A:"1",},"#),
        ("<X><A>1</A><A>2</A></X>", r#"X:["1","2",],"#),
        ("<X><l:int>1</l:int></X>", "X:[1,],"),
        ("<X><Entity><Id>1</Id></Entity></X>", r#"X:[{Id:"1",},],"#),
        (r#"<X i:type="Foo"><A i:type="x:int">1</A></X>"#, "X:Foo{A:1,},"),
        (r#"<X i:type="Foo"/>"#, "X:Foo{},"),
        (r#"<X i:type="FooCollection"/>"#, "X:[],"),
        (r#"<X i:type="g:ArrayOfFoo"><g:Foo><g:a>1</g:a></g:Foo></X>"#, r#"X:[{a:"1",},],"#),
        ("<Depth><A>1</A></Depth>", r#"Depth:{A:"1",},"#),
        ("<Depth>many</Depth>", "Depth:many,"),
        ("<InputParameters>none</InputParameters>", r#"InputParameters:"none","#),
        ("<InputParameters> </InputParameters>", "InputParameters:[],"),
        ("<OwningExtension/>", "OwningExtension:{},"),
        ("<OrganizationName/>", r#"OrganizationName:"","#),
        ("<MessageName>again</MessageName>", r#"MessageName:"again","#),
    ] {
        check(content, expected);
    }
}

#[test]
fn enumerations_are_numbers_as_members_items_and_values() {
    let crm = r#"xmlns:b="http://schemas.microsoft.com/crm/2011/Contracts""#;
    for (value, expected) in [
        (
            r#"xmlns:b="http://schemas.microsoft.com/xrm/7.1/Contracts" i:type="b:ConcurrencyBehavior">IfRowVersionMatches"#,
            "1",
        ),
        (&format!(r#"{crm} i:type="b:AccessRights">ReadAccess  WriteAccess"#), "3"),
        (&format!(r#"{crm} i:type="b:AccessRights">ReadAccess FlyAccess"#), r#""ReadAccess FlyAccess""#),
        (&format!(r#"{crm} i:type="b:AccessOfTomorrow">Read"#), r#""Read""#),
        (r#"xmlns:b="http://schemas.microsoft.com/xrm/2011/Metadata" i:type="b:EntityFilters">"#, "0"),
        (
            &format!(
                r#"{crm} i:type="b:ArrayOfAccessRights"><b:AccessRights>ReadAccess</b:AccessRights><b:AccessRights>None</b:AccessRights>"#
            ),
            "[1,0,]",
        ),
        (
            &format!(
                r#"{crm} i:type="b:PrincipalAccess"><b:AccessMask>ReadAccess WriteAccess</b:AccessMask><b:Principal><Id>i</Id><KeyAttributes/></b:Principal>"#
            ),
            r#"PrincipalAccess{AccessMask:3,Principal:{Id:"i",KeyAttributes:[],},}"#,
        ),
        (
            &format!(
                r#"{crm} i:type="b:ArrayOfRolePrivilege"><b:RolePrivilege><b:Depth>Global</b:Depth><b:PrivilegeId>p</b:PrivilegeId></b:RolePrivilege>"#
            ),
            r#"[RolePrivilege{Depth:3,PrivilegeId:"p",},]"#,
        ),
        (
            &format!(
                r#"{crm} i:type="b:AppointmentRequest"><b:Direction>Backward</b:Direction><b:Duration>60</b:Duration>"#
            ),
            "AppointmentRequest{Direction:1,Duration:60,}",
        ),
        (
            r#"i:type="OneToManyRelationshipMetadata"><CascadeConfiguration><Assign>Cascade</Assign></CascadeConfiguration><IsCustomRelationship>true</IsCustomRelationship>"#,
            "OneToManyRelationshipMetadata{CascadeConfiguration:{Assign:1,},IsCustomRelationship:true,}",
        ),
        (
            r#"i:type="l:ArrayOfKeyValueOfstringAccessRights6x"><l:KeyValueOfstringAccessRights6x><l:Key>k</l:Key><l:Value>ReadAccess</l:Value></l:KeyValueOfstringAccessRights6x>"#,
            "<k:1,>",
        ),
    ] {
        check_value(value, expected);
    }
}

#[test]
fn pairs_are_recognized_by_their_parts() {
    let pair = |key: &str, value: &str| {
        format!(
            "<g:KeyValuePairOfstringstring><g:key>{key}</g:key><g:value>{value}</g:value></g:KeyValuePairOfstringstring>"
        )
    };
    let (one, two) = (pair("a", "1"), pair("b", "2"));
    let typed = r#"i:type="g:ArrayOfKeyValuePairOfstringstring""#;
    for (content, expected) in [
        (format!("<X>{one}{two}</X>"), r#"X:<a:"1",b:"2",>,"#),
        (format!("<X>{one}{one}</X>"), r#"X:[{key:"a",value:"1",},{key:"a",value:"1",},],"#),
        (
            format!("<X {typed}>{one}{one}</X>"),
            r#"X:[KeyValuePairOfstringstring{key:"a",value:"1",},KeyValuePairOfstringstring{key:"a",value:"1",},],"#,
        ),
        (format!("<X>{one}<A>x</A></X>"), r#"X:{KeyValuePairOfstringstring:{key:"a",value:"1",},A:"x",},"#),
        (
            "<X><KeyValuePairOfstringint><g:value>1</g:value><g:key>k</g:key></KeyValuePairOfstringint></X>"
                .to_owned(),
            "X:<k:1,>,",
        ),
        (
            "<X><KeyValuePairOfstringint><key>k</key><value>1</value></KeyValuePairOfstringint></X>"
                .to_owned(),
            r#"X:[{key:"k",value:"1",},],"#,
        ),
        (
            "<X><l:KeyValueOfstringint><l:Key>k</l:Key><l:Value>1</l:Value></l:KeyValueOfstringint></X>"
                .to_owned(),
            "X:<k:1,>,",
        ),
    ] {
        check(&content, expected);
    }
}

#[test]
fn parent_context_is_dropped_or_kept() {
    for (parent, kept, dropped) in [
        ("<ParentContext><Depth>2</Depth></ParentContext>", "{Depth:2,}", true),
        (r#"<ParentContext i:nil="true"/>"#, "null", false),
        ("<ParentContext/>", "{}", true),
    ] {
        let body = with(&format!("{parent}<Depth>1</Depth>"));
        let mut parser = Parser::new(ParentContext::Drop);
        let event = parser.parse(body.as_bytes()).unwrap();
        assert_eq!((event.member(Member::ParentContext), event.parent_context_dropped), (None, dropped));
        assert_eq!(render(event.tree, event.tree.root()), r#"{MessageName:"Probe",Depth:1,}"#);
        check(&format!("{parent}<Depth>1</Depth>"), &format!("ParentContext:{kept},Depth:1,"));
    }
}

#[test]
fn accepts_prolog_and_body_in_a_string() {
    let plain = with("<Depth>1</Depth>");
    let quoted = serde_json::to_string(&plain).unwrap();
    for body in [
        format!("\u{feff}{plain}"),
        format!(
            "\u{feff} \n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- c -->{plain}\n<!-- d --><?p?>\n"
        ),
        quoted.replace('/', "\\/"),
        format!(" {quoted}\n"),
    ] {
        parse(body.as_bytes(), |event| {
            let event = event.unwrap_or_else(|reject| panic!("{body}: {reject:?}"));
            assert_eq!(render(event.tree, event.tree.root()), r#"{MessageName:"Probe",Depth:1,}"#, "{body}");
        });
    }
}

#[test]
fn rejects_have_a_reason_and_an_offset() {
    let bomb = r#"<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>"#;
    let incomplete = || not_xml("it ends before it is complete");
    check_rejects(&[
        ("<RemoteExecutionContext/>", Reason::OtherElement, None),
        (r#"<RemoteExecutionContext xmlns="urn:x"/>"#, Reason::OtherElement, None),
        (r#"<Entity xmlns="http://schemas.microsoft.com/xrm/2011/Contracts"/>"#, Reason::OtherElement, None),
        (
            r#"<RemoteExecutionContext xmlns="http://schemas.microsoft.com/xrm/2011/Contracts"/>"#,
            Reason::NoMessageName,
            None,
        ),
        (bomb, Reason::Doctype, Some(0)),
        ("<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", Reason::Doctype, Some(21)),
        ("<a>x&lol;</a>", Reason::Entity, Some(4)),
        ("<a b='&lol;'/>", Reason::Entity, Some(0)),
        ("\u{feff}<a>&nbsp;</a>", Reason::Entity, Some(6)),
        ("<a>&#x110000;</a>", not_xml("a reference to a code that is not a character"), Some(3)),
        ("<a>&#;</a>", not_xml("a reference to a code that is not a character"), Some(3)),
        ("<a>&#+1;</a>", not_xml("a reference to a code that is not a character"), Some(3)),
        ("<a>&lt</a>", not_xml("a reference without its semicolon"), Some(3)),
        ("<a>& b</a>", not_xml("a reference without its semicolon"), Some(3)),
        ("<a/>x", not_xml("unexpected content after the end"), Some(4)),
        ("<a/><b/>", not_xml("unexpected content after the end"), Some(4)),
        ("<a>x<b/></a>", not_xml("text between elements"), Some(3)),
        ("<a><b/>x</a>", not_xml("text between elements"), Some(7)),
        ("<a></b>", not_xml("an end tag that does not match the open element"), Some(3)),
        ("<a/></a>", not_xml("an end tag without its element"), Some(4)),
        ("<a><?xml version='1.0'?></a>", not_xml("a declaration after the start"), Some(3)),
        ("<p:a/>", not_xml("undeclared namespace prefix"), Some(0)),
        ("<a><b p:c=''/></a>", not_xml("undeclared namespace prefix"), Some(3)),
        ("<a b/>", not_xml("malformed attribute"), Some(0)),
        ("<a b='<'/>", not_xml("malformed attribute"), Some(0)),
        ("<", incomplete(), Some(0)),
        ("<a", incomplete(), Some(0)),
        ("<a>", incomplete(), Some(3)),
        ("<a>x", incomplete(), Some(4)),
        ("<a><b", incomplete(), Some(3)),
        ("<a b='", incomplete(), Some(0)),
        ("<!-- ", incomplete(), Some(0)),
        ("<?xml ", incomplete(), Some(0)),
        ("<!-- -->", incomplete(), Some(8)),
        ("<!x><a/>", not_xml("unknown markup after `<!`"), Some(0)),
        (r#""<a>""#, incomplete(), None),
    ]);
}

#[test]
fn rejects_nesting_deeper_than_128() {
    let nested = |name: &str, depth: usize| {
        with(&format!("{}{}", format!("<{name}>").repeat(depth), format!("</{name}>").repeat(depth)))
    };
    for name in ["p", "ParentContext", "InputParameters"] {
        parse(nested(name, 127).as_bytes(), |event| assert!(event.is_ok()));
        for depth in [128, 10_000] {
            parse(nested(name, depth).as_bytes(), |event| {
                assert_eq!(event.unwrap_err().reason, Reason::TooDeep);
            });
        }
    }
    parse("<a>".repeat(1_000_000).as_bytes(), |event| {
        assert_eq!(event.map(|_| ()), Err(Reject::at(Reason::TooDeep, 384)));
    });
}

#[test]
fn truncated_bodies_are_rejected_and_changed_bytes_never_panic() {
    let query = std::fs::read_to_string(data().join("oracle/xml/t_query.xml")).unwrap();
    let small = with(&format!(
        "<X>&#xD83D;é<![CDATA[a]]><!-- b --></X>{}",
        inputs(r#"i:type="Money"><Value>1</Value>"#)
    ));
    let mut parser = Parser::new(ParentContext::Drop);
    for body in [&query, &small] {
        for cut in 0..body.len() {
            assert!(parser.parse(&body.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }
    for place in 0..small.len() {
        for byte in *b"<>&;\"'/!?[]=:#x \0\xc3" {
            let mut changed = small.clone().into_bytes();
            changed[place] = byte;
            if let Ok(event) = parser.parse(&changed) {
                render(event.tree, event.tree.root());
            }
        }
    }
}

#[test]
fn white_space_between_elements_is_ignored() {
    for (name, body) in files(&data().join("oracle/xml")) {
        let body = String::from_utf8(body).unwrap();
        let spread = body.replace("><", ">\r\n\t <").replace("/>", " />");
        let read = |body: &str| {
            parse(body.as_bytes(), |event| {
                event.map(|event| render(event.tree, event.tree.root())).expect(&name)
            })
        };
        assert_eq!(read(&spread), read(&body), "{name}");
    }
}
