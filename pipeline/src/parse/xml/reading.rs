//! From a text to its elements, with quick-xml.
//!
//! Owns: well-formedness, names with their namespaces, texts joined from pieces, character references, and the limits
//! of XML. Does not own: the meaning of an element (`walk`).

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

use super::elements::{Element, Elements, Place};
use super::fault;
use super::names::{INSTANCE, Namespace};
use super::references::{self, Reference};
use crate::event::{Reason, Reject};
use crate::parse::limits::{self, MAX_BINDINGS, MAX_DEPTH};
use crate::subslice;

/// Length in bytes above which Base64 counts for the size of the tree: the tags of a shorter text outweigh it.
const BASE64_COUNTED: u32 = 64;

/// Reads the elements of a text.
///
/// # Errors
/// A [`Reject`] with the offset in the text, for a text that is not XML or exceeds a limit.
pub(super) fn read(text: &str, elements: &mut Elements) -> Result<(), Reject> {
    elements.clear();
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MAX_BINDINGS);
    let elements_max = limits::elements_max(text.len());
    let mut reading = Reading { text, elements, content: Content::default(), elements_max };
    loop {
        let at = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Eof) => return reading.end(),
            Ok(event) => reading.event(event, at, &reader)?,
            Err(error) => return Err(fault::describe(&error, reader.error_position() as usize, text)),
        }
    }
}

/// State of reading one text.
struct Reading<'r> {
    text: &'r str,
    elements: &'r mut Elements,
    content: Content,
    elements_max: usize,
}

/// The text since the last tag.
#[derive(Default)]
struct Content {
    place: Place,
    /// Offset of its first piece in the body.
    at: usize,
    /// A high surrogate, whose low one may follow, and its offset.
    high_surrogate: Option<(u16, usize)>,
}

impl Reading<'_> {
    /// Handles the event that begins at `at`.
    fn event(&mut self, event: Event<'_>, at: usize, reader: &NsReader<&[u8]>) -> Result<(), Reject> {
        if !matches!(event, Event::GeneralRef(_)) {
            self.replace_lone_surrogate();
        }
        match event {
            Event::Start(tag) => self.start(&tag, at, reader),
            Event::Empty(tag) => {
                self.start(&tag, at, reader)?;
                self.close(at)
            }
            Event::End(_) => self.close(at),
            Event::Text(piece) => {
                self.piece(&piece.into_inner(), at);
                Ok(())
            }
            Event::CData(piece) => {
                self.piece(&piece.into_inner(), at);
                Ok(())
            }
            Event::GeneralRef(name) => self.reference(&name.into_inner(), at),
            Event::Decl(_) if !self.elements.list.is_empty() => {
                Err(fault::not_xml("a declaration after the start", at))
            }
            Event::DocType(_) => Err(Reject::at(Reason::Doctype, at)),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize, reader: &NsReader<&[u8]>) -> Result<(), Reject> {
        self.only_space()?;
        if self.elements.open.is_empty() && !self.elements.list.is_empty() {
            return Err(fault::not_xml("unexpected content after the end", at));
        }
        if self.elements.open.len() == MAX_DEPTH {
            return Err(Reject::at(Reason::TooDeep, at));
        }
        if self.elements.list.len() == self.elements_max {
            return Err(limits::too_large("XML elements", self.elements_max));
        }
        let (resolved, name) = reader.resolver().resolve_element(tag.name());
        let uri = uri_of(&resolved, at)?;
        let namespace = Namespace::of(uri);
        let name = name.into_inner();
        if namespace != Namespace::Sdk {
            self.qualified_name(uri, name)?;
        }
        let mut element = Element {
            namespace,
            name: self.place(name),
            uri: if namespace == Namespace::Other { self.uri_number(uri)? } else { 0 },
            stated: None,
            nil: false,
            text: Place::default(),
            end: 0,
        };
        if !tag.attributes_raw().is_empty() {
            self.attributes(tag, &mut element, at, reader)?;
        }
        self.elements.open.push(self.elements.list.len() as u32);
        self.elements.list.push(element);
        Ok(())
    }

    /// Reads `type` and `nil` of a tag. A data contract has no other attributes.
    fn attributes(
        &mut self,
        tag: &BytesStart<'_>,
        element: &mut Element,
        at: usize,
        reader: &NsReader<&[u8]>,
    ) -> Result<(), Reject> {
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| fault::not_xml(fault::MALFORMED_ATTRIBUTE, at))?;
            references::check(&attribute.value, at)?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (resolved, name) = reader.resolver().resolve_attribute(attribute.key);
            let is_instance = match resolved {
                ResolveResult::Bound(uri) => uri.into_inner() == INSTANCE,
                ResolveResult::Unbound => false,
                ResolveResult::Unknown(_) => return Err(unknown_prefix(at)),
            };
            match name.into_inner() {
                "nil" if is_instance => element.nil = matches!(attribute.value.trim(), "true" | "1"),
                "type" if is_instance => {
                    let (resolved, name) = reader.resolver().resolve_element(QName(attribute.value.trim()));
                    let namespace = Namespace::of(uri_of(&resolved, at)?);
                    element.stated = Some((namespace, self.place(name.into_inner())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn close(&mut self, at: usize) -> Result<(), Reject> {
        let Some(&opened) = self.elements.open.last() else {
            return Err(fault::not_xml("an end tag without its element", at));
        };
        let end = self.elements.list.len() as u32;
        if end == opened + 1 {
            let place = self.content.place;
            self.elements.list[opened as usize].text = place;
            if place.len > BASE64_COUNTED && self.elements.is_base64(self.text) {
                self.elements.base64 += place.len as usize;
            }
            self.content = Content::default();
        } else {
            self.only_space()?;
        }
        self.elements.open.pop();
        self.elements.list[opened as usize].end = end;
        Ok(())
    }

    fn end(mut self) -> Result<(), Reject> {
        self.replace_lone_surrogate();
        if !self.elements.open.is_empty() || self.elements.list.is_empty() {
            return Err(fault::not_xml(fault::INCOMPLETE, self.text.len()));
        }
        self.only_space()
    }

    /// Checks that the text between two tags, neither of which ends a leaf, is white space. It has no meaning.
    fn only_space(&mut self) -> Result<(), Reject> {
        let content = std::mem::take(&mut self.content);
        let text = self.elements.text(content.place, self.text);
        if text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return Ok(());
        }
        let words = if self.elements.open.is_empty() && !self.elements.list.is_empty() {
            "unexpected content after the end"
        } else {
            "text between elements"
        };
        Err(fault::not_xml(words, content.at))
    }

    fn piece(&mut self, piece: &str, at: usize) {
        if self.content.place.len == 0 && !piece.contains('\r') {
            self.content.at = at;
            self.content.place = self.place(piece);
            return;
        }
        // XML normalizes line ends to line feeds.
        let mut lines = piece.split('\r');
        self.push(lines.next().unwrap_or_default(), at);
        for line in lines {
            if !line.starts_with('\n') {
                self.push("\n", at);
            }
            self.push(line, at);
        }
    }

    /// Appends text that is not in the body as it is: copies the content so far.
    fn push(&mut self, piece: &str, at: usize) {
        let Self { text, elements, content, .. } = self;
        if content.place.len == 0 {
            content.at = at;
        }
        if !content.place.decoded {
            let start = elements.decoded.len() as u32;
            let before = content.place.start as usize..(content.place.start + content.place.len) as usize;
            elements.decoded.push_str(&text[before]);
            content.place = Place { start, len: content.place.len, decoded: true };
        }
        elements.decoded.push_str(piece);
        content.place.len += piece.len() as u32;
    }

    fn reference(&mut self, name: &str, at: usize) -> Result<(), Reject> {
        match (references::read(name, at)?, self.content.high_surrogate.take()) {
            (Reference::Unit(low @ 0xdc00..=0xdfff), Some((high, at))) => {
                let pair = char::decode_utf16([high, low]).next();
                let pair = pair.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.push_char(pair, at);
            }
            (reference, high_surrogate) => {
                self.content.high_surrogate = high_surrogate;
                self.replace_lone_surrogate();
                match reference {
                    Reference::Character(character) => self.push_char(character, at),
                    Reference::Unit(high @ 0xd800..=0xdbff) => self.content.high_surrogate = Some((high, at)),
                    Reference::Unit(_) => self.repair(at),
                }
            }
        }
        Ok(())
    }

    /// Replaces a high surrogate that no low one followed.
    fn replace_lone_surrogate(&mut self) {
        if let Some((_, at)) = self.content.high_surrogate.take() {
            self.repair(at);
        }
    }

    fn repair(&mut self, at: usize) {
        self.elements.repaired = true;
        self.push_char(char::REPLACEMENT_CHARACTER, at);
    }

    fn push_char(&mut self, character: char, at: usize) {
        self.push(character.encode_utf8(&mut [0; 4]), at);
    }

    /// The number of an unknown namespace's URI.
    fn uri_number(&mut self, uri: &str) -> Result<u16, Reject> {
        let number = self.elements.uris.number(uri);
        number.ok_or_else(|| limits::too_large("XML namespaces", limits::URIS_MAX))
    }

    /// Counts the name of an element outside the SDK's namespaces, if it may become `{uri}name`.
    fn qualified_name(&mut self, uri: &str, name: &str) -> Result<(), Reject> {
        let Some(&parent) = self.elements.open.last() else { return Ok(()) };
        if self.elements.may_be_class(parent as usize, self.text) {
            self.elements.qualified_names += uri.len() + name.len();
            let max = limits::qualified_names_max(self.text.len());
            if self.elements.qualified_names > max {
                return Err(limits::too_large("bytes of names with their XML namespace", max));
            }
        }
        Ok(())
    }

    /// Range of a text in the body, or of a copy in `decoded` if quick-xml returned one.
    fn place(&mut self, part: &str) -> Place {
        let len = part.len() as u32;
        if let Some(range) = subslice::range(self.text.as_bytes(), part.as_bytes()) {
            return Place { start: range.start as u32, len, decoded: false };
        }
        let start = self.elements.decoded.len() as u32;
        self.elements.decoded.push_str(part);
        Place { start, len, decoded: true }
    }
}

/// The URI of a resolved namespace; empty without one.
fn uri_of<'n>(resolved: &ResolveResult<'n>, at: usize) -> Result<&'n str, Reject> {
    match resolved {
        ResolveResult::Bound(uri) => Ok(uri.into_inner()),
        ResolveResult::Unbound => Ok(""),
        ResolveResult::Unknown(_) => Err(unknown_prefix(at)),
    }
}

fn unknown_prefix(at: usize) -> Reject {
    fault::not_xml("undeclared namespace prefix", at)
}
