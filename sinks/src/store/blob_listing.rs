//! The XML of a listing of blobs with metadata.
//!
//! Owns: its form. Does not own: the request (`blob_metadata`).

use std::collections::BTreeMap;
use std::error::Error;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) blobs: Vec<ListedBlob>,
    /// Marker of the next page, if there is one.
    pub(super) next_marker: Option<String>,
}

/// A blob of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ListedBlob {
    /// The name in its container.
    pub(super) name: String,
    /// Metadata by name, in lower case.
    pub(super) metadata: BTreeMap<String, String>,
    /// `Last-Modified`, Unix milliseconds.
    pub(super) modified_ms: i64,
}

/// Parses a page. Elements without a meaning here are skipped.
///
/// # Shape
/// `<EnumerationResults><Blobs><Blob><Name>…</Name><Properties><Last-Modified>…</Last-Modified></Properties>`
/// `<Metadata><name>value</name></Metadata></Blob></Blobs><NextMarker/></EnumerationResults>`
pub(super) fn parse(body: &[u8]) -> Result<Page, Box<dyn Error + Send + Sync>> {
    // The service begins with a byte order mark.
    let mut reader = Reader::from_str(str::from_utf8(body)?.trim_start_matches('\u{feff}'));
    // An element without content ends like any other.
    reader.config_mut().expand_empty_elements = true;
    let (mut page, mut blob) = (Page::default(), ListedBlob::default());
    let (mut path, mut text) = (Vec::<String>::new(), String::new());
    loop {
        match reader.read_event()? {
            Event::Start(element) => {
                path.push(element.name().into_inner().to_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(reference) => text.push_str(&resolve(&reference)?),
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                match names[..] {
                    [_, "Blobs", "Blob", "Name"] => blob.name = std::mem::take(&mut text),
                    [_, "Blobs", "Blob", "Properties", "Last-Modified"] => blob.modified_ms = unix_ms(&text)?,
                    [_, "Blobs", "Blob", "Metadata", name] => {
                        blob.metadata.insert(name.to_lowercase(), std::mem::take(&mut text));
                    }
                    [_, "Blobs", "Blob"] => page.blobs.push(std::mem::take(&mut blob)),
                    [_, "NextMarker"] => {
                        page.next_marker =
                            Some(std::mem::take(&mut text)).filter(|marker| !marker.is_empty());
                    }
                    _ => {}
                }
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(page),
            Event::Eof => return Err("the listing ends too early".into()),
            _ => {}
        }
    }
}

/// The text of a reference such as `&amp;` or `&#37;`.
fn resolve(reference: &BytesRef<'_>) -> Result<String, Box<dyn Error + Send + Sync>> {
    if let Some(letter) = reference.resolve_char_ref()? {
        return Ok(letter.to_string());
    }
    let known = quick_xml::escape::resolve_predefined_entity(reference);
    known.map(str::to_owned).ok_or_else(|| format!("unknown entity {:?} in the listing", &**reference).into())
}

/// A time of HTTP, such as `Tue, 01 Dec 2026 13:00:00 GMT`.
fn unix_ms(text: &str) -> Result<i64, Box<dyn Error + Send + Sync>> {
    Ok(jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim())?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="http://127.0.0.1/a" ContainerName="state"><Prefix>ns/</Prefix>
<Blobs>
<Blob><Name>ns/a&amp;b/$default/checkpoint/0</Name><Properties><Creation-Time>Tue, 01 Dec 2026 12:00:00 GMT</Creation-Time>
<Last-Modified>Tue, 01 Dec 2026 13:00:01 GMT</Last-Modified><Etag>0x1</Etag></Properties>
<Metadata><SequenceNumber>12</SequenceNumber><offset>a &lt;&#38;&gt;</offset><clientidentifier /></Metadata></Blob>
<Blob><Name>ns/x</Name><Properties><Last-Modified>Tue, 01 Dec 2026 13:00:02 GMT</Last-Modified></Properties><Metadata/></Blob>
</Blobs><NextMarker>2!8</NextMarker></EnumerationResults>"#;

    #[test]
    fn page_has_names_metadata_and_times() {
        let page = parse(PAGE.as_bytes()).unwrap();
        let metadata = [("clientidentifier", ""), ("offset", "a <&>"), ("sequencenumber", "12")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let first = ListedBlob {
            name: "ns/a&b/$default/checkpoint/0".to_owned(),
            metadata,
            modified_ms: 1_796_130_001_000,
        };
        let second =
            ListedBlob { name: "ns/x".to_owned(), modified_ms: 1_796_130_002_000, ..ListedBlob::default() };
        assert_eq!(page, Page { blobs: vec![first, second], next_marker: Some("2!8".to_owned()) });
    }

    #[test]
    fn last_page_has_no_marker() {
        let empty = "\u{feff}<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>";
        assert_eq!(parse(empty.as_bytes()).unwrap(), Page::default());
    }

    #[test]
    fn truncated_page_is_an_error() {
        for end in [PAGE.len() - 5, 300, 120] {
            assert!(parse(&PAGE.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
