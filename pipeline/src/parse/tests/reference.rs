//! Reference implementation of the JSON reader: simple enough to be right by inspection.
//!
//! Recursive descent over bytes, with values in vectors; it shares no code with the parser. As in the parser, a lone
//! surrogate is U+FFFD.

use std::collections::HashSet;
use std::fmt::Write;

/// A JSON value. A number is its text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Reads a text; `None` if it is not JSON, or nested deeper than 128.
pub(super) fn read(text: &str) -> Option<Json> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let value = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, wanted: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(wanted.as_bytes()).then(|| self.at += wanted.len())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        match self.peek()? {
            b'n' => self.expect("null").map(|()| Json::Null),
            b't' => self.expect("true").map(|()| Json::Bool(true)),
            b'f' => self.expect("false").map(|()| Json::Bool(false)),
            b'"' => self.string().map(Json::Text),
            b'{' if depth < 128 => {
                let item = |reader: &mut Self| {
                    reader.space();
                    let name = reader.string()?;
                    reader.space();
                    reader.expect(":")?;
                    Some((name, reader.value(depth + 1)?))
                };
                self.several("{", "}", item).map(Json::Object)
            }
            b'[' if depth < 128 => self.several("[", "]", |reader| reader.value(depth + 1)).map(Json::List),
            _ => self.number().map(Json::Number),
        }
    }

    fn several<T>(
        &mut self,
        open: &str,
        close: &str,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.expect(open)?;
        self.space();
        while self.expect(close).is_none() {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
            self.space();
        }
        Some(items)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<String> {
        let start = self.at;
        let _ = self.expect("-");
        if self.expect("0").is_none() {
            self.digits()?;
        }
        if self.expect(".").is_some() {
            self.digits()?;
        }
        if self.expect("e").or_else(|| self.expect("E")).is_some() {
            let _ = self.expect("+").or_else(|| self.expect("-"));
            self.digits()?;
        }
        Some(std::str::from_utf8(&self.bytes[start..self.at]).ok()?.to_owned())
    }

    fn string(&mut self) -> Option<String> {
        self.expect("\"")?;
        let mut units = Vec::new();
        loop {
            let rest = std::str::from_utf8(&self.bytes[self.at..]).ok()?;
            let next = rest.chars().next()?;
            self.at += next.len_utf8();
            match next {
                '"' => return Some(String::from_utf16_lossy(&units)),
                '\\' => units.push(self.escape()?),
                '\0'..='\x1f' => return None,
                _ => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let escaped = self.peek()?;
        self.at += 1;
        let unit = match escaped {
            b'"' | b'\\' | b'/' => escaped,
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'f' => 12,
            b'r' => 13,
            b'u' => {
                let hex = std::str::from_utf8(self.bytes.get(self.at..self.at + 4)?).ok()?;
                self.at += 4;
                let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
                return u16::from_str_radix(hex, 16).ok().filter(|_| is_hex);
            }
            _ => return None,
        };
        Some(u16::from(unit))
    }
}

impl Json {
    /// The normal form, as [`super::render`] writes it.
    pub(super) fn normal(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            Self::Text(text) => format!("{text:?}"),
            Self::List(items) => match pairs(items) {
                Some(pairs) => format!("<{}>", members(&pairs)),
                None => {
                    format!("[{}]", items.iter().fold(String::new(), |out, item| out + &item.normal() + ","))
                }
            },
            Self::Object(all) => {
                let (stated, rest) = without_type(all);
                format!("{}{{{}}}", stated.unwrap_or_default(), members(&rest))
            }
        }
    }

    /// The value of the first member of a name.
    pub(super) fn member(&self, name: &str) -> Option<&Json> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|member| member.0 == name).map(|member| &member.1)
    }

    /// Appends all strings, numbers and booleans, in order, without types and the keys of pairs.
    pub(super) fn leaves(&self, into: &mut Vec<String>) {
        match self {
            Self::Null => (),
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => into.push(self.normal()),
            Self::List(items) => match pairs(items) {
                Some(pairs) => pairs.iter().for_each(|(_, value)| value.leaves(into)),
                None => items.iter().for_each(|item| item.leaves(into)),
            },
            Self::Object(all) => without_type(all).1.iter().for_each(|(_, value)| value.leaves(into)),
        }
    }
}

type Named<'a> = (&'a str, &'a Json);

fn members(members: &[Named<'_>]) -> String {
    members.iter().fold(String::new(), |mut out, (name, value)| {
        write!(out, "{name}:{},", value.normal()).unwrap();
        out
    })
}

fn without_type(all: &[(String, Json)]) -> (Option<&str>, Vec<Named<'_>>) {
    let mut stated = None;
    let mut rest = Vec::new();
    for (name, value) in all {
        match value {
            Json::Text(text) if name == "__type" && stated.is_none() => stated = text.split(':').next(),
            _ => rest.push((name.as_str(), value)),
        }
    }
    (stated, rest)
}

fn pairs(items: &[Json]) -> Option<Vec<Named<'_>>> {
    let pairs: Vec<_> = items.iter().map(pair).collect::<Option<_>>()?;
    let keys: HashSet<_> = pairs.iter().map(|(key, _)| key).collect();
    (!pairs.is_empty() && keys.len() == pairs.len()).then_some(pairs)
}

fn pair(item: &Json) -> Option<Named<'_>> {
    let Json::Object(all) = item else { return None };
    let (_, rest) = without_type(all);
    let of = |lower, upper| rest.iter().find(|(name, _)| *name == lower || *name == upper);
    match (rest.len(), of("key", "Key")?.1, of("value", "Value")?.1) {
        (2, Json::Text(key), value) => Some((key.as_str(), value)),
        _ => None,
    }
}
