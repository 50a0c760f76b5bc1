//! Checks of memory for bodies that repeat pieces of JSON and XML thousands of times.
//!
//! Owns: drawing bodies, and checking the bound for a body and its row. Does not own: counting memory (`memory`).

use std::convert::Infallible;

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::columns::{Catalog, Context, Full, TableBuffer};
use catchwater::internals::event::{QUARANTINE, RawEvent};
use catchwater::internals::parse::{GROWTH_BASE_BYTES, GROWTH_FACTOR, ParentContext, Parser};
use catchwater::internals::position::{PartitionId, SequenceNumber};

use crate::dice::Dice;
use crate::memory::peak;

/// Draws a body and checks the bound on both paths, with `ParentContext` and without it.
pub fn check(bytes: &[u8]) {
    let body = body(&mut Dice(bytes));
    let understood: Vec<bool> =
        Reading::ALL.iter().map(|reading| measure(&body, *reading).assert()).collect();
    assert!(
        understood.iter().all(|one| *one == understood[0]),
        "one path quarantines a body that another path reads"
    );
}

/// Path of the parser, and treatment of `ParentContext`.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub slow: bool,
    pub parent_context: ParentContext,
}

impl Reading {
    /// All four combinations.
    pub const ALL: [Self; 4] = [
        Self { slow: false, parent_context: ParentContext::Drop },
        Self { slow: false, parent_context: ParentContext::Keep },
        Self { slow: true, parent_context: ParentContext::Drop },
        Self { slow: true, parent_context: ParentContext::Keep },
    ];

    fn parser(self) -> Parser {
        if self.slow { Parser::slow_path_only(self.parent_context) } else { Parser::new(self.parent_context) }
    }
}

/// Size of a body and peak memory that it took, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub body: usize,
    pub parse: usize,
    /// Peak of parsing and writing the row.
    pub row: usize,
    /// True if the body became a row of its table, not of the quarantine.
    pub understood: bool,
}

impl Measured {
    /// Upper bound on the memory for a body of this size.
    pub fn bound(&self) -> usize {
        GROWTH_FACTOR * self.body + GROWTH_BASE_BYTES
    }

    /// Checks the bound; returns `understood`.
    pub fn assert(self) -> bool {
        assert!(self.parse <= self.bound() && self.row <= self.bound(), "{self:?} against {}", self.bound());
        self.understood
    }
}

/// Parses a body with new buffers and writes it as a row.
pub fn measure(body: &[u8], reading: Reading) -> Measured {
    let parse = peak(|| {
        std::hint::black_box(reading.parser().parse(body).is_ok());
    });
    let mut understood = false;
    let row = peak(|| understood = write(body, reading));
    Measured { body: body.len(), parse, row, understood }
}

fn write(body: &[u8], reading: Reading) -> bool {
    let mut parser = reading.parser();
    let read = parser.parse(body);
    let mut context = Context::new("hub".into(), Catalog::new());
    let table = read.as_ref().map_or(QUARANTINE, |event| event.table.name());
    let mut buffer = TableBuffer::open(&mut context, table);
    let raw = raw(body);
    match &read {
        Ok(event) => {
            if let Err(Full) = buffer.push(&mut context, event, &raw, PartitionId::new(0)) {
                let Ok(()) = buffer.push_in_parts(&mut context, event, &raw, PartitionId::new(0), |_| {
                    Ok::<(), Infallible>(())
                });
            }
        }
        Err(reject) => buffer.push_reject(&mut context, reject, &raw, "", PartitionId::new(0)),
    }
    read.is_ok()
}

/// Wraps a body as an event.
pub fn raw(body: &[u8]) -> RawEvent<'_> {
    RawEvent {
        body,
        sequence_number: SequenceNumber::new(1),
        offset: "4711",
        enqueued_time: UnixMillis::new(1_767_600_000_000),
        content_type: "",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
    }
}

/// Draws runs of pieces, within an event or alone. `#` in a piece is replaced by the number of the copy.
fn body(dice: &mut Dice<'_>) -> Vec<u8> {
    let (before, pieces, behind) = match dice.below(4) {
        0 => (JSON_EVENT.0, JSON, JSON_EVENT.1),
        1 => (XML_EVENT.0, XML, XML_EVENT.1),
        2 => ("", JSON, ""),
        _ => ("", XML, ""),
    };
    let mut body = before.to_owned();
    for _ in 0..=dice.below(12) {
        let piece =
            if dice.below(8) == 0 { dice.text(40) } else { pieces[dice.below(pieces.len())].to_owned() };
        // Up to 2¹⁷ copies; each power of two is equally likely.
        let copies = 1_usize << dice.below(18);
        for copy in 0..copies.min(BODY_MAX.saturating_sub(body.len()) / piece.len().max(1)) {
            match piece.split_once('#') {
                Some((front, back)) => body.extend([front, &copy.to_string(), back]),
                None => body.push_str(&piece),
            }
        }
    }
    body.push_str(behind);
    body.into_bytes()
}

/// Upper bound on the size of a drawn body, in bytes: a hub accepts 1 MiB.
const BODY_MAX: usize = 1 << 20;

const JSON_EVENT: (&str, &str) = (
    r#"{"MessageName":"Update","PrimaryEntityName":"account","InputParameters":[{"key":"Target","value":"#,
    "}]}",
);

const JSON: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    "0,",
    "0",
    "[],",
    "{},",
    "\"\",",
    "\"a\":",
    "\"a\":0,",
    "\"a#\":0,",
    " ",
    "1 ",
    "\\\"",
    "\"",
    r"\n",
    r"\u0001",
    r"\ud800",
    r"\u00e9",
    "é",
    "9999999999",
    "null,",
    "[[],[]],",
    "\"ParentContext\":{",
    r#"{"key":"a#","value":0},"#,
    r#"{"key":"a#","value":"x"},"#,
    r#"{"key":"","value":null},"#,
    r#"{"__type":"Entity:x","Attributes":["#,
    r#"{"__type":"Entity","LogicalName":"activityparty","Attributes":[]},"#,
    r#""Attributes":["#,
    r#""FormattedValues":["#,
    r#""KeyAttributes":["#,
    r#"{"key":"Target","value":"#,
    r#"{"key":"é#é","value":{"__type":"EntityReference","Id":"00000064-0000-4000-8000-000000000064","Name":"n"}},"#,
    r#"{"key":"c#","value":{"__type":"OptionSetValue","Value":1}},"#,
    r#""InputParameters":["#,
    r#""PostEntityImages":[{"key":"i#","value":{"Attributes":["#,
    r#""SharedVariables":["#,
    "}]},",
    "]}},",
];

const XML_EVENT: (&str, &str) = (
    concat!(
        r#"<RemoteExecutionContext xmlns="http://schemas.microsoft.com/xrm/2011/Contracts" "#,
        r#"xmlns:i="http://www.w3.org/2001/XMLSchema-instance" "#,
        r#"xmlns:g="http://schemas.datacontract.org/2004/07/System.Collections.Generic" "#,
        r#"xmlns:s="http://www.w3.org/2001/XMLSchema" "#,
        r#"xmlns:a="http://schemas.microsoft.com/2003/10/Serialization/Arrays">"#,
        "<MessageName>Update</MessageName><PrimaryEntityName>account</PrimaryEntityName>"
    ),
    "</RemoteExecutionContext>",
);

const XML: &[&str] = &[
    "<b/>",
    "<b#/>",
    "<b>",
    "</b>",
    "<g:key/>",
    "<g:b#/>",
    "<a:b#/>",
    "<a:string/>",
    "<a:base64Binary>",
    "AAAA",
    "</a:base64Binary>",
    "&#1;",
    "\u{1}",
    "\r",
    "&amp;",
    "é",
    "x",
    r#"xmlns="u"#,
    r#"">"#,
    "<b ",
    "/>",
    r#" c="""#,
    r#" i:type="u:x""#,
    r#" i:nil="true""#,
    "<!---->",
    "<![CDATA[x]]>",
    r#"<b xmlns="urn:#">"#,
    r#"<b xmlns="urn:#"/>"#,
    "<KeyValuePairOfstringanyType><g:key>a#</g:key><g:value/></KeyValuePairOfstringanyType>",
    "<InputParameters>",
    "<KeyValueOfx><g:key/><g:value/></KeyValueOfx>",
    "</InputParameters>",
    "<ParentContext>",
    "</ParentContext>",
    "<Entity>",
    "</Entity>",
    "<Attributes>",
    "</Attributes>",
    r#"<g:value i:type="Entity">"#,
    "</g:value>",
    r#"<b i:type="s:base64Binary">"#,
    "<g:key>Target</g:key>",
    "<KeyValuePairOfstringanyType>",
    "</KeyValuePairOfstringanyType>",
    r#"<b i:type="ArrayOf">"#,
];
