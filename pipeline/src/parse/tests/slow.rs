//! A slow reader that is obviously right, to compare with.
//!
//! It knows nothing of simd-json, tapes or places: recursive descent over bytes, values in vectors. Strings
//! follow the serializer, as the parser's do: half a surrogate pair is U+FFFD.

use std::collections::HashSet;
use std::fmt::Write;

/// JSON with the text of its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slow {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Slow>),
    Object(Vec<(String, Slow)>),
}

/// Reads a text; `None` if it is not JSON, or deeper than 128.
pub(super) fn read(text: &str) -> Option<Slow> {
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

    fn take(&mut self, wanted: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(wanted.as_bytes()).then(|| self.at += wanted.len())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Slow> {
        self.space();
        match self.peek()? {
            b'n' => self.take("null").map(|()| Slow::Null),
            b't' => self.take("true").map(|()| Slow::Bool(true)),
            b'f' => self.take("false").map(|()| Slow::Bool(false)),
            b'"' => self.string().map(Slow::Text),
            b'{' if depth < 128 => {
                let item = |reader: &mut Self| {
                    reader.space();
                    let name = reader.string()?;
                    reader.space();
                    reader.take(":")?;
                    Some((name, reader.value(depth + 1)?))
                };
                self.several("{", "}", item).map(Slow::Object)
            }
            b'[' if depth < 128 => self.several("[", "]", |reader| reader.value(depth + 1)).map(Slow::List),
            _ => self.number().map(Slow::Number),
        }
    }

    fn several<T>(
        &mut self,
        open: &str,
        close: &str,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.take(open)?;
        self.space();
        while self.take(close).is_none() {
            if !items.is_empty() {
                self.take(",")?;
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
        let _ = self.take("-");
        if self.take("0").is_none() {
            self.digits()?;
        }
        if self.take(".").is_some() {
            self.digits()?;
        }
        if self.take("e").or_else(|| self.take("E")).is_some() {
            let _ = self.take("+").or_else(|| self.take("-"));
            self.digits()?;
        }
        Some(std::str::from_utf8(&self.bytes[start..self.at]).ok()?.to_owned())
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
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
        let letter = self.peek()?;
        self.at += 1;
        let unit = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'f' => 12,
            b'r' => 13,
            b'u' => {
                let hex = std::str::from_utf8(self.bytes.get(self.at..self.at + 4)?).ok()?;
                self.at += 4;
                let plain = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
                return u16::from_str_radix(hex, 16).ok().filter(|_| plain);
            }
            _ => return None,
        };
        Some(u16::from(unit))
    }
}

impl Slow {
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

    /// The value of the first member of this name.
    pub(super) fn member(&self, name: &str) -> Option<&Slow> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|member| member.0 == name).map(|member| &member.1)
    }

    /// All strings, numbers and booleans, in order; types and the keys of pairs are none.
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

type Named<'a> = (&'a str, &'a Slow);

fn members(members: &[Named<'_>]) -> String {
    members.iter().fold(String::new(), |mut out, (name, value)| {
        write!(out, "{name}:{},", value.normal()).unwrap();
        out
    })
}

fn without_type(all: &[(String, Slow)]) -> (Option<&str>, Vec<Named<'_>>) {
    let mut stated = None;
    let mut rest = Vec::new();
    for (name, value) in all {
        match value {
            Slow::Text(text) if name == "__type" && stated.is_none() => stated = text.split(':').next(),
            _ => rest.push((name.as_str(), value)),
        }
    }
    (stated, rest)
}

fn pairs(items: &[Slow]) -> Option<Vec<Named<'_>>> {
    let pairs: Vec<_> = items.iter().map(pair).collect::<Option<_>>()?;
    let keys: HashSet<_> = pairs.iter().map(|(key, _)| key).collect();
    (!pairs.is_empty() && keys.len() == pairs.len()).then_some(pairs)
}

fn pair(item: &Slow) -> Option<Named<'_>> {
    let Slow::Object(all) = item else { return None };
    let (_, rest) = without_type(all);
    let of = |lower, upper| rest.iter().find(|(name, _)| *name == lower || *name == upper);
    match (rest.len(), of("key", "Key")?.1, of("value", "Value")?.1) {
        (2, Slow::Text(key), value) => Some((key.as_str(), value)),
        _ => None,
    }
}
