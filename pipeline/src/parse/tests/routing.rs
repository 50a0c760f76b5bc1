//! Golden file: the table of each body.

use std::fmt::Write;
use std::fs;

use super::{ParentContext, Parser, data, oracle, oracle_xml};
use crate::event::{QUARANTINE, Table};
use crate::parse::ROUTING_VERSION;

/// Bodies that decide a table, in addition to the oracle's.
const HANDWRITTEN: &[(&str, &[u8])] = &[
    ("written: a table", br#"{"MessageName":"Update","PrimaryEntityName":"account"}"#),
    ("written: name with spaces and an escape", br#"{"MessageName":"Update","PrimaryEntityName":" Account\/x "}"#),
    ("written: none", br#"{"MessageName":"Associate","PrimaryEntityName":"none"}"#),
    ("written: None", br#"{"MessageName":"Associate","PrimaryEntityName":"None"}"#),
    ("written: empty name", br#"{"MessageName":"x","PrimaryEntityName":""}"#),
    ("written: null name", br#"{"MessageName":"x","PrimaryEntityName":null}"#),
    ("written: number for a name", br#"{"MessageName":"x","PrimaryEntityName":5}"#),
    ("written: first name counts", br#"{"MessageName":"x","PrimaryEntityName":"a","PrimaryEntityName":"b"}"#),
    ("written: first is null", br#"{"MessageName":"x","PrimaryEntityName":null,"PrimaryEntityName":"b"}"#),
    ("written: no message", br#"{"PrimaryEntityName":"account"}"#),
    ("written: empty message", br#"{"MessageName":"","PrimaryEntityName":"account"}"#),
    ("written: null message", br#"{"MessageName":null,"PrimaryEntityName":"account"}"#),
    ("written: number for a message", br#"{"MessageName":5,"PrimaryEntityName":"account"}"#),
    ("written: no message, none", br#"{"PrimaryEntityName":"none"}"#),
    ("written: no message, reserved table", br#"{"PrimaryEntityName":"_messages"}"#),
    ("written: reserved table", br#"{"MessageName":"x","PrimaryEntityName":"_messages"}"#),
    ("written: reserved table in capitals", br#"{"MessageName":"x","PrimaryEntityName":"_Quarantine"}"#),
    ("written: beyond f64", br#"{"MessageName":"x","PrimaryEntityName":"a","n":1E+400}"#),
    (
        "written: members of unexpected kinds",
        br#"{"MessageName":"x","PrimaryEntityName":"a","InputParameters":7,"Depth":[]}"#,
    ),
    ("written: parent has the name", br#"{"MessageName":"x","ParentContext":{"PrimaryEntityName":"a"}}"#),
    (
        "written: parent first",
        br#"{"ParentContext":{"MessageName":"y"},"MessageName":"x","PrimaryEntityName":"a"}"#,
    ),
    ("written: lone surrogate", br#"{"MessageName":"x","PrimaryEntityName":"a\ud83d"}"#),
    ("written: byte order mark", b"\xef\xbb\xbf{\"MessageName\":\"x\",\"PrimaryEntityName\":\"a\"}"),
    ("written: in a string", br#""{\"MessageName\":\"x\",\"PrimaryEntityName\":\"a\"}""#),
    ("written: in two strings", br#""\"{\\\"MessageName\\\":\\\"x\\\"}\"""#),
    ("written: empty", b""),
    ("written: XML", b"<RemoteExecutionContext/>"),
    ("written: XML table", b"<RemoteExecutionContext xmlns='http://schemas.microsoft.com/xrm/2011/Contracts'><PrimaryEntityName>account</PrimaryEntityName></RemoteExecutionContext>"),
    ("written: XML prefixes", b"<r:RemoteExecutionContext xmlns:r='http://schemas.microsoft.com/xrm/2011/Contracts'><r:PrimaryEntityName>a&amp;b</r:PrimaryEntityName></r:RemoteExecutionContext>"),
    ("written: XML other namespace", b"<RemoteExecutionContext xmlns='http://schemas.microsoft.com/xrm/2011/Contracts'><MessageName>x</MessageName><PrimaryEntityName xmlns='urn:x'>account</PrimaryEntityName></RemoteExecutionContext>"),
    ("written: XML reserved table", b"<RemoteExecutionContext xmlns='http://schemas.microsoft.com/xrm/2011/Contracts'><MessageName>x</MessageName><PrimaryEntityName>_messages</PrimaryEntityName></RemoteExecutionContext>"),
    ("written: XML null name", b"<RemoteExecutionContext xmlns='http://schemas.microsoft.com/xrm/2011/Contracts' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><MessageName>x</MessageName><PrimaryEntityName i:nil='true'/></RemoteExecutionContext>"),
    ("written: XML without members", b"<RemoteExecutionContext xmlns='http://schemas.microsoft.com/xrm/2011/Contracts'/>"),
    ("written: XML in a string", br#""<RemoteExecutionContext xmlns='http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts'><PrimaryEntityName>a<\/PrimaryEntityName><\/RemoteExecutionContext>""#),
    ("written: XML document type", b"<!DOCTYPE a><a/>"),
    ("written: XML entity", b"<a>&b;</a>"),
    ("written: XML truncated", b"<RemoteExecutionContext"),
    ("written: NaN", br#"{"MessageName":"x","n":NaN}"#),
    ("written: binary XML", b"@\x16RemoteExecutionContext"),
    ("written: Latin-1", b"{\"MessageName\":\"x\",\"PrimaryEntityName\":\"\xe4\"}"),
    ("written: a list", br#"[{"MessageName":"x","PrimaryEntityName":"a"}]"#),
    ("written: truncated", br#"{"MessageName":"x","PrimaryEntityName":"a""#),
    ("written: content after the end", br#"{"MessageName":"x","PrimaryEntityName":"a"}{}"#),
];

fn route(parser: &mut Parser, body: &[u8]) -> String {
    match parser.parse(body) {
        Ok(event) if event.table == Table::Messages => event.table.name().to_owned(),
        Ok(event) => format!("table {:?}", event.table.name()),
        // The text of a reason may change: it does not decide the table.
        Err(reject) => format!("{QUARANTINE} {:?}", reject.reason).split('(').next().unwrap().to_owned(),
    }
}

#[test]
fn each_body_keeps_its_table() {
    let mut keep = Parser::new(ParentContext::Keep);
    let mut drop = Parser::new(ParentContext::Drop);
    let bodies: Vec<_> = oracle().into_iter().chain(oracle_xml()).collect();
    let named = bodies.iter().map(|(name, body)| (name.as_str(), body.as_slice()));
    let mut actual = String::new();
    for (name, body) in named.chain(HANDWRITTEN.iter().copied()) {
        let route = route(&mut keep, body);
        assert_eq!(route, self::route(&mut drop, body), "{name}: the table depends on ParentContext");
        writeln!(actual, "{name}\t{route}").unwrap();
    }
    let golden = fs::read_to_string(data().join(format!("routing_v{ROUTING_VERSION}.tsv"))).unwrap();
    let golden: Vec<&str> = golden.lines().filter(|line| !line.starts_with('#')).collect();
    let actual: Vec<&str> = actual.lines().collect();
    assert_eq!(
        actual,
        golden,
        "a change here needs a new ROUTING_VERSION; the current routing is:\n{}",
        actual.join("\n")
    );
}
