//! Limits on memory, which depend neither on the path nor on `ParentContext`.

use super::xml::{SDK, with};
use super::{ParentContext, Parser, event_with};
use crate::event::{Reason, Reject};
use crate::parse::limits::{OUTSIZED_BODY, URIS_MAX, elements_max, qualified_names_max, tokens_max};

/// The reason why a body is rejected, the same on both paths, with `ParentContext` kept and dropped.
fn reason(body: &str) -> Option<Reason> {
    let keep = ParentContext::Keep;
    let reason = |mut parser: Parser| parser.parse(body.as_bytes()).err().map(|reject: Reject| reject.reason);
    let reasons = [
        reason(Parser::new(keep)),
        reason(Parser::slow_path_only(keep)),
        reason(Parser::new(ParentContext::Drop)),
        reason(Parser::slow_path_only(ParentContext::Drop)),
    ];
    assert!(reasons.iter().all(|one| *one == reasons[0]), "{reasons:?}");
    reasons[0].clone()
}

fn too_large(of: &'static str, max: usize) -> Reason {
    Reason::TooLarge { of, max }
}

/// Numbered copies of a piece: `#` is the number.
fn numbered(piece: &str, count: usize) -> String {
    (0..count).map(|number| piece.replace('#', &number.to_string())).collect()
}

#[test]
fn rejects_more_tokens_than_the_length_allows() {
    for member in ["p", "ParentContext"] {
        let list = |value: &str, count: usize| {
            event_with(&format!(r#""{member}":[{value}0]"#, value = value.repeat(count)))
        };
        assert_eq!(reason(&list("0,", 100_000)), None, "{member}: below the allowance");
        assert_eq!(reason(&list("127,", 250_000)), None, "{member}: a picture");
        let zeros = list("0,", 250_000);
        assert_eq!(reason(&zeros), Some(too_large("JSON tokens", tokens_max(zeros.len()))), "{member}");
        let quoted = format!("{zeros:?}");
        assert_eq!(
            reason(&quoted),
            Some(too_large("JSON tokens", tokens_max(zeros.len()))),
            "{member}, quoted"
        );
    }
    let commas = event_with(&format!(r#""p":"{}""#, ",\\\"".repeat(200_000)));
    assert_eq!(reason(&commas), None, "commas in a string are not tokens");
    let broken = format!(r#"\"{}"#, "0,".repeat(400_000));
    assert_eq!(reason(&broken), Some(too_large("JSON tokens", tokens_max(broken.len()))));
}

#[test]
fn rejects_more_elements_than_the_length_allows() {
    for wrapped in
        [("", ""), ("<ParentContext>", "</ParentContext>"), ("<InputParameters>", "</InputParameters>")]
    {
        let of = |count: usize| with(&format!("{}{}{}", wrapped.0, "<b/>".repeat(count), wrapped.1));
        assert_eq!(reason(&of(60_000)), None);
        let many = of(100_000);
        assert_eq!(reason(&many), Some(too_large("XML elements", elements_max(many.len()))));
    }
    // Elements closer together than in any event, as many as fit into the largest body of a hub.
    let numbers = "<l:int>7</l:int>".repeat(64_000);
    assert_eq!(reason(&with(&format!(r#"<p i:type="l:ArrayOfint">{numbers}</p>"#))), None);
}

#[test]
fn rejects_long_namespaces_of_many_members() {
    let uri = "u".repeat(60_000);
    let members = |count: usize| numbered("<n:b#/>", count);
    for parent in ["Other", "ParentContext"] {
        // `Other` may be a class: its form is unknown while it is read.
        let of = |count: usize| with(&format!(r#"<{parent} xmlns:n="{uri}">{}</{parent}>"#, members(count)));
        assert_eq!(reason(&of(2)), None);
        let many = of(30_000);
        let max = qualified_names_max(many.len());
        assert_eq!(
            reason(&many),
            Some(too_large("bytes of names with their XML namespace", max)),
            "{parent}"
        );
    }
    let foreign = format!(r#"<n:a xmlns:n="{uri}">{}</n:a>"#, members(30_000));
    assert_eq!(reason(&foreign), Some(Reason::OtherElement));
    assert_eq!(reason(&with(&foreign)), None, "one member of another namespace, with any content");
}

#[test]
fn rejects_more_namespaces_than_may_be_open() {
    let of = |count: usize| with(&numbered(r#"<n:b xmlns:n="urn:#"><n:c/></n:b>"#, count));
    assert_eq!(reason(&of(URIS_MAX)), None);
    assert_eq!(reason(&of(URIS_MAX + 1)), Some(too_large("XML namespaces", URIS_MAX)));
}

#[test]
fn parser_works_after_releasing_the_memory_of_an_outsized_body() {
    let mut parser = Parser::new(ParentContext::Drop);
    let large = event_with(&format!(r#""p":"{}""#, "x".repeat(OUTSIZED_BODY)));
    let small = format!(
        r#"<RemoteExecutionContext xmlns="{SDK}"><MessageName>a</MessageName></RemoteExecutionContext>"#
    );
    for body in [large, small] {
        assert!(parser.parse(body.as_bytes()).is_ok());
        parser.shrink();
        assert!(parser.parse(body.as_bytes()).is_ok());
    }
}
