//! AMQP primitive values, read from a slice without allocating.
//!
//! Owns the type codes and their widths. Does not own: the meaning of a list of fields (`performatives`, `sections`),
//! or writing (`encode`).

use std::str;

/// Maximum nesting of described values.
///
/// The deepest in use is 3: a filter in a source in a performative. Compound values do not count: they state their
/// size and are read lazily.
const MAX_DESCRIBED_DEPTH: usize = 8;

/// One AMQP value; compound values are read as they are iterated.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// null
    Null,
    /// boolean
    Bool(bool),
    /// ubyte
    Ubyte(u8),
    /// ushort
    Ushort(u16),
    /// uint
    Uint(u32),
    /// ulong
    Ulong(u64),
    /// byte
    Byte(i8),
    /// short
    Short(i16),
    /// int
    Int(i32),
    /// long
    Long(i64),
    /// float
    Float(f32),
    /// double
    Double(f64),
    /// decimal32, decimal64 or decimal128, as its bytes
    Decimal(&'a [u8]),
    /// char, as its code point
    Char(u32),
    /// timestamp, unix milliseconds
    Timestamp(i64),
    /// uuid
    Uuid([u8; 16]),
    /// binary
    Binary(&'a [u8]),
    /// string
    String(&'a str),
    /// symbol
    Symbol(&'a str),
    /// list
    List(Items<'a>),
    /// map, as alternating keys and values
    Map(Items<'a>),
    /// array
    Array(Items<'a>),
    /// described value: the encoded descriptor and the encoded value
    Described(&'a [u8], &'a [u8]),
}

impl<'a> Value<'a> {
    /// Reads the value at the start of `bytes`.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        Cursor::new(bytes).value()
    }

    /// Returns the text of a string or a symbol.
    pub fn text(&self) -> Option<&'a str> {
        match self {
            Value::String(text) | Value::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// Returns an integer that fits an i64; a timestamp as its milliseconds.
    pub fn integer(&self) -> Option<i64> {
        match *self {
            Value::Ubyte(n) => Some(n.into()),
            Value::Ushort(n) => Some(n.into()),
            Value::Uint(n) => Some(n.into()),
            Value::Ulong(n) => i64::try_from(n).ok(),
            Value::Byte(n) => Some(n.into()),
            Value::Short(n) => Some(n.into()),
            Value::Int(n) => Some(n.into()),
            Value::Long(n) | Value::Timestamp(n) => Some(n),
            _ => None,
        }
    }

    /// Returns the items of a list, a map or an array.
    pub fn items(&self) -> Option<Items<'a>> {
        match self {
            Value::List(items) | Value::Map(items) | Value::Array(items) => Some(items.clone()),
            _ => None,
        }
    }
}

/// Error while bytes are read as AMQP values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is longer than the rest of its frame.
    #[error("a value ends beyond its frame")]
    Truncated,
    /// A byte is not a type code.
    #[error("0x{0:02x} is not an AMQP type code")]
    UnknownCode(u8),
    /// A string or symbol is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// Described values are nested deeper than `MAX_DESCRIBED_DEPTH`.
    #[error("described values are nested too deep")]
    TooDeep,
    /// A compound counts more items than its bytes can hold.
    #[error("a compound counts more items than it can hold")]
    Count,
    /// A value has another type than its field.
    #[error("a value is not {0}")]
    NotA(&'static str),
    /// A mandatory field is null.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A descriptor is unknown, or not allowed here.
    #[error("0x{0:x} is not a descriptor allowed here")]
    UnknownDescriptor(u64),
}

/// Reads values from the start of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Returns the bytes that are not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns whether all bytes are read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads the next value.
    pub fn value(&mut self) -> Result<Value<'a>, Error> {
        match self.byte()? {
            0x00 => {
                let descriptor = self.raw_at_depth(1)?;
                Ok(Value::Described(descriptor, self.raw_at_depth(1)?))
            }
            code => self.value_with_code(code),
        }
    }

    /// Reads the next value like [`value`](Self::value), with a fast path for lists and maps.
    #[inline]
    pub fn compound(&mut self) -> Result<Value<'a>, Error> {
        let [code @ (0xc0 | 0xc1 | 0xd0 | 0xd1), ..] = *self.bytes else { return self.value() };
        let wide = code & 0x10 != 0;
        let (size, items) = match *self.bytes {
            [_, size, ..] if !wide => (usize::from(size), 2),
            [_, a, b, c, d, ..] if wide => (u32::from_be_bytes([a, b, c, d]) as usize, 5),
            _ => return Err(Error::Truncated),
        };
        let items = Items::from_compound(code, &self.take(items + size)?[items..])?;
        Ok(if code & 1 == 0 { Value::List(items) } else { Value::Map(items) })
    }

    /// Skips the next value and returns its encoded bytes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message has fifty of them; measured")]
    pub fn raw(&mut self) -> Result<&'a [u8], Error> {
        let Some(code) = self.bytes.first() else { return Err(Error::Truncated) };
        match WIDTHS[usize::from(*code)] {
            SLOW_PATH => self.raw_at_depth(0),
            SIZED => match self.bytes.get(1) {
                Some(length) => self.take(2 + usize::from(*length)),
                None => Err(Error::Truncated),
            },
            width => self.take(usize::from(width)),
        }
    }

    /// Consumes the next `count` bytes and returns them.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.bytes.split_at_checked(count).ok_or(Error::Truncated)?;
        self.bytes = rest;
        Ok(head)
    }

    fn raw_at_depth(&mut self, depth: usize) -> Result<&'a [u8], Error> {
        let before = self.bytes;
        self.skip(depth)?;
        Ok(&before[..before.len() - self.bytes.len()])
    }

    fn skip(&mut self, depth: usize) -> Result<(), Error> {
        if depth > MAX_DESCRIBED_DEPTH {
            return Err(Error::TooDeep);
        }
        let code = self.byte()?;
        if code == 0x00 {
            self.skip(depth + 1)?;
            return self.skip(depth + 1);
        }
        let length = self.length_of(code)?;
        self.take(length).map(drop)
    }

    /// Returns the number of bytes of a value after its code, or after its size if it states one.
    fn length_of(&mut self, code: u8) -> Result<usize, Error> {
        // AMQP 1.0, 1.2.2: the upper half of the code is the width, so that unknown types can be skipped.
        match code >> 4 {
            0x4 => Ok(0),
            0x5 => Ok(1),
            0x6 => Ok(2),
            0x7 => Ok(4),
            0x8 => Ok(8),
            0x9 => Ok(16),
            0xa | 0xc | 0xe => self.byte().map(usize::from),
            0xb | 0xd | 0xf => self.array().map(u32::from_be_bytes).map(|size| size as usize),
            _ => Err(Error::UnknownCode(code)),
        }
    }

    fn value_with_code(&mut self, code: u8) -> Result<Value<'a>, Error> {
        Ok(match code {
            0x40 => Value::Null,
            0x41 => Value::Bool(true),
            0x42 => Value::Bool(false),
            0x43 => Value::Uint(0),
            0x44 => Value::Ulong(0),
            0x45 => Value::List(Items::EMPTY),
            0x50 => Value::Ubyte(self.byte()?),
            0x51 => Value::Byte(self.byte()? as i8),
            0x52 => Value::Uint(self.byte()?.into()),
            0x53 => Value::Ulong(self.byte()?.into()),
            0x54 => Value::Int((self.byte()? as i8).into()),
            0x55 => Value::Long((self.byte()? as i8).into()),
            0x56 => Value::Bool(self.byte()? != 0),
            0x60 => Value::Ushort(u16::from_be_bytes(self.array()?)),
            0x61 => Value::Short(i16::from_be_bytes(self.array()?)),
            0x70 => Value::Uint(u32::from_be_bytes(self.array()?)),
            0x71 => Value::Int(i32::from_be_bytes(self.array()?)),
            0x72 => Value::Float(f32::from_be_bytes(self.array()?)),
            0x73 => Value::Char(u32::from_be_bytes(self.array()?)),
            0x80 => Value::Ulong(u64::from_be_bytes(self.array()?)),
            0x81 => Value::Long(i64::from_be_bytes(self.array()?)),
            0x82 => Value::Double(f64::from_be_bytes(self.array()?)),
            0x83 => Value::Timestamp(i64::from_be_bytes(self.array()?)),
            0x98 => Value::Uuid(self.array()?),
            0x74 | 0x84 | 0x94 => Value::Decimal(self.sized(code)?),
            0xa0 | 0xb0 => Value::Binary(self.sized(code)?),
            0xa1 | 0xb1 => Value::String(self.text(code)?),
            0xa3 | 0xb3 => Value::Symbol(self.text(code)?),
            0xc0 | 0xd0 => Value::List(Items::from_compound(code, self.sized(code)?)?),
            0xc1 | 0xd1 => Value::Map(Items::from_compound(code, self.sized(code)?)?),
            0xe0 | 0xf0 => Value::Array(Items::from_array(code, self.sized(code)?)?),
            _ => return Err(Error::UnknownCode(code)),
        })
    }

    fn sized(&mut self, code: u8) -> Result<&'a [u8], Error> {
        let length = self.length_of(code)?;
        self.take(length)
    }

    fn text(&mut self, code: u8) -> Result<&'a str, Error> {
        str::from_utf8(self.sized(code)?).map_err(|_| Error::NotUtf8)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(Error::Truncated)?;
        self.bytes = rest;
        Ok(*head)
    }
}

/// Encoded size of a value by its code, bytes, the code included.
///
/// # Source
/// AMQP 1.0, 1.2.2: the upper half of the code determines it.
const WIDTHS: [u8; 256] = {
    let mut widths = [SLOW_PATH; 256];
    let mut code = 0x40;
    while code < 0xf0 {
        widths[code] = match code >> 4 {
            0x4 => 1,
            0x5..=0x9 => 1 + (1 << ((code >> 4) - 5)),
            0xa | 0xc | 0xe => SIZED,
            _ => SLOW_PATH,
        };
        code += 1;
    }
    widths
};
/// The byte after the code is the number of bytes that follow it.
const SIZED: u8 = u8::MAX;
/// A described value, a value with a size of four bytes, or a byte that is not a type code.
const SLOW_PATH: u8 = 0;

/// Items of a compound value, read one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items<'a> {
    cursor: Cursor<'a>,
    left: usize,
    /// Type code of an array's elements; in lists and maps each item has its own.
    element: Option<u8>,
}

impl<'a> Items<'a> {
    pub(super) const EMPTY: Self = Self { cursor: Cursor { bytes: &[] }, left: 0, element: None };

    /// Returns the number of items left.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Returns whether no item is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Returns the encoded bytes of the next item of a list or map, or of null when no item is left.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a message has fifty of them; measured")]
    pub fn next_raw(&mut self) -> Result<&'a [u8], Error> {
        if self.left == 0 {
            return Ok(&[0x40]);
        }
        self.left -= 1;
        self.cursor.raw()
    }

    fn from_compound(code: u8, bytes: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(bytes);
        let left = Self::count(code, &mut cursor)?;
        Ok(Self { cursor, left, element: None })
    }

    fn from_array(code: u8, bytes: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(bytes);
        let left = Self::count(code, &mut cursor)?;
        let element = if left == 0 { None } else { Some(cursor.byte()?) };
        Ok(Self { cursor, left, element })
    }

    fn count(code: u8, cursor: &mut Cursor<'a>) -> Result<usize, Error> {
        let wide = matches!(code >> 4, 0xd | 0xf);
        let count = if wide { u32::from_be_bytes(cursor.array()?) as usize } else { cursor.byte()?.into() };
        // Every item takes at least a byte. A larger count would make a caller loop for nothing.
        if count > cursor.rest().len() { Err(Error::Count) } else { Ok(count) }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Value<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let item = match self.element {
            None => self.cursor.value(),
            Some(code) => self.cursor.value_with_code(code),
        };
        if item.is_err() {
            self.left = 0;
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<Value<'_>, Error>) {
        let read = Value::read(bytes);
        if read.is_ok() {
            assert_eq!(Cursor::new(bytes).raw(), Ok(bytes), "skipping consumes what reading consumes");
        }
        assert_eq!(Cursor::new(bytes).compound(), read, "the fast path for compounds agrees");
        assert_eq!((bytes, read), (bytes, expected));
    }

    #[test]
    fn fast_path_skips_what_slow_path_skips() {
        for code in 0..=u8::MAX {
            for length in 0..40 {
                // The bytes after the code are a size for some codes, a value for others.
                for fill in [0, 3, 0x40, 0xff] {
                    let mut bytes = vec![fill; length];
                    bytes.iter_mut().take(1).for_each(|first| *first = code);
                    let (mut fast, mut slow) = (Cursor::new(&bytes), Cursor::new(&bytes));
                    assert_eq!(fast.raw(), slow.raw_at_depth(0), "{bytes:02x?}");
                    if fast.bytes.len() != bytes.len() {
                        assert_eq!(fast.bytes, slow.bytes, "{bytes:02x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn reads_primitives_of_every_width() {
        check(&[0x40], Ok(Value::Null));
        check(&[0x41], Ok(Value::Bool(true)));
        check(&[0x56, 0], Ok(Value::Bool(false)));
        check(&[0x43], Ok(Value::Uint(0)));
        check(&[0x52, 200], Ok(Value::Uint(200)));
        check(&[0x70, 0, 1, 0, 0], Ok(Value::Uint(65_536)));
        check(&[0x44], Ok(Value::Ulong(0)));
        check(&[0x53, 0x10], Ok(Value::Ulong(16)));
        check(&[0x80, 0, 0, 0, 0, 0, 0, 1, 0], Ok(Value::Ulong(256)));
        check(&[0x54, 0xff], Ok(Value::Int(-1)));
        check(&[0x55, 0xff], Ok(Value::Long(-1)));
        check(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], Ok(Value::Long(-2)));
        check(&[0x83, 0, 0, 0, 0, 0, 0, 1, 0], Ok(Value::Timestamp(256)));
        check(&[0xa0, 2, 7, 8], Ok(Value::Binary(&[7, 8])));
        check(&[0xb0, 0, 0, 0, 1, 7], Ok(Value::Binary(&[7])));
        check(&[0xa1, 2, b'h', b'i'], Ok(Value::String("hi")));
        check(&[0xb3, 0, 0, 0, 1, b'x'], Ok(Value::Symbol("x")));
        check(&[0x00, 0x53, 0x24, 0x45], Ok(Value::Described(&[0x53, 0x24], &[0x45])));
    }

    #[test]
    fn iterates_over_lists_maps_and_arrays() {
        let list = [0xc0, 4, 2, 0x52, 5, 0x40];
        for code in [0xc0, 0xc1, 0xd0, 0xd1] {
            for bytes in [[code, 0, 0, 0, 5, 0, 0, 0, 1, 0x40], [code, 9, 2, 0xa1, 5, 1, 2, 3, 4, 5]] {
                for end in 1..=bytes.len() {
                    let (mut fast, mut slow) = (Cursor::new(&bytes[..end]), Cursor::new(&bytes[..end]));
                    let read = slow.value();
                    assert_eq!(fast.compound(), read);
                    assert!(read.is_err() || fast == slow, "both consume the same bytes");
                }
            }
        }
        let items: Vec<_> = Value::read(&list).unwrap().items().unwrap().map(Result::unwrap).collect();
        assert_eq!(items, [Value::Uint(5), Value::Null]);
        let array = [0xe0, 8, 2, 0xa3, 1, b'a', 3, b'b', b'c', b'd'];
        let items: Vec<_> = Value::read(&array).unwrap().items().unwrap().map(Result::unwrap).collect();
        assert_eq!(items, [Value::Symbol("a"), Value::Symbol("bcd")]);
    }

    #[test]
    fn rejects_wrong_sizes_counts_and_codes() {
        check(&[], Err(Error::Truncated));
        check(&[0x70, 0, 0], Err(Error::Truncated));
        check(&[0xa1, 9, b'h'], Err(Error::Truncated));
        check(&[0xb0, 0xff, 0xff, 0xff, 0xff, 1], Err(Error::Truncated));
        check(&[0xa1, 1, 0xff], Err(Error::NotUtf8));
        check(&[0x3f], Err(Error::UnknownCode(0x3f)));
        check(&[0xc0, 1, 9], Err(Error::Count));
        check(&[0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x41], Err(Error::Count));
        check(&[0x00; 1000], Err(Error::TooDeep));
    }
}
