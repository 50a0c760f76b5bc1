//! AMQP primitive values, written.
//!
//! Owns the choice of encodings: always the 32-bit form of compounds, so that sizes can be patched in place, and a
//! list counts its own fields. Does not own: the fields of a list (`performatives`).

/// Appends values to a buffer and counts them.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    count: u32,
}

impl<'a> Encoder<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, count: 0 }
    }

    /// Writes null.
    pub fn null(&mut self) {
        self.put(&[0x40]);
    }

    /// Writes `count` nulls.
    pub fn nulls(&mut self, count: usize) {
        (0..count).for_each(|_| self.null());
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.put(&[if value { 0x41 } else { 0x42 }]);
    }

    /// Writes a ubyte.
    pub fn ubyte(&mut self, value: u8) {
        self.put(&[0x50, value]);
    }

    /// Writes a ushort.
    pub fn ushort(&mut self, value: u16) {
        self.number(0x60, &value.to_be_bytes());
    }

    /// Writes a uint.
    pub fn uint(&mut self, value: u32) {
        match value {
            0 => self.put(&[0x43]),
            1..=255 => self.put(&[0x52, value as u8]),
            _ => self.number(0x70, &value.to_be_bytes()),
        }
    }

    /// Writes a ulong.
    pub fn ulong(&mut self, value: u64) {
        match value {
            0 => self.put(&[0x44]),
            1..=255 => self.put(&[0x53, value as u8]),
            _ => self.number(0x80, &value.to_be_bytes()),
        }
    }

    /// Writes an int.
    pub fn int(&mut self, value: i32) {
        self.number(0x71, &value.to_be_bytes());
    }

    /// Writes a long.
    pub fn long(&mut self, value: i64) {
        self.number(0x81, &value.to_be_bytes());
    }

    /// Writes a timestamp of unix milliseconds.
    pub fn timestamp(&mut self, unix_ms: i64) {
        self.number(0x83, &unix_ms.to_be_bytes());
    }

    /// Writes a string.
    pub fn string(&mut self, text: &str) {
        self.sized(0xa1, 0xb1, text.as_bytes());
    }

    /// Writes a symbol.
    pub fn symbol(&mut self, text: &str) {
        self.sized(0xa3, 0xb3, text.as_bytes());
    }

    /// Writes a binary.
    pub fn binary(&mut self, bytes: &[u8]) {
        self.sized(0xa0, 0xb0, bytes);
    }

    /// Writes a value that is encoded already.
    pub fn raw(&mut self, encoded: &[u8]) {
        self.put(encoded);
    }

    /// Writes a present value with `write`, an absent one as null.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    /// Writes a list of the values that `fields` writes.
    pub fn list(&mut self, fields: impl FnOnce(&mut Encoder<'_>)) {
        self.compound(0xd0, fields);
    }

    /// Writes a map of the alternating keys and values that `entries` writes.
    pub fn map(&mut self, entries: impl FnOnce(&mut Encoder<'_>)) {
        self.compound(0xd1, entries);
    }

    /// Writes a value with a one-byte descriptor, the form of performatives and sections.
    pub fn described(&mut self, code: u8, value: impl FnOnce(&mut Encoder<'_>)) {
        self.out.extend_from_slice(&[0x00, 0x53, code]);
        value(&mut Encoder::new(self.out));
        self.count += 1;
    }

    /// Writes a value with a descriptor of any size, the form of filters.
    pub fn described_by(&mut self, code: u64, value: impl FnOnce(&mut Encoder<'_>)) {
        self.out.push(0x00);
        let mut inner = Encoder::new(self.out);
        inner.ulong(code);
        value(&mut inner);
        self.count += 1;
    }

    /// Writes an array of symbols.
    pub fn symbols(&mut self, symbols: &[&str]) {
        self.array(0xb3, symbols.iter().copied());
    }

    /// Writes an array of strings.
    pub fn strings<'s>(&mut self, strings: impl Iterator<Item = &'s str>) {
        self.array(0xb1, strings);
    }

    fn array<'s>(&mut self, element: u8, texts: impl Iterator<Item = &'s str>) {
        self.compound(0xf0, |array| {
            // The type code of the elements comes once, after the count, and is not counted.
            array.out.push(element);
            for text in texts {
                array.out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                array.put(text.as_bytes());
            }
        });
    }

    fn compound(&mut self, code: u8, items: impl FnOnce(&mut Encoder<'_>)) {
        self.out.push(code);
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 8]);
        let mut inner = Encoder::new(self.out);
        items(&mut inner);
        let count = inner.count;
        let size = (self.out.len() - start - 4) as u32;
        self.out[start..start + 4].copy_from_slice(&size.to_be_bytes());
        self.out[start + 4..start + 8].copy_from_slice(&count.to_be_bytes());
        self.count += 1;
    }

    fn sized(&mut self, short: u8, long: u8, bytes: &[u8]) {
        if let Ok(length) = u8::try_from(bytes.len()) {
            self.out.extend_from_slice(&[short, length]);
        } else {
            self.out.push(long);
            self.out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        }
        self.put(bytes);
    }

    fn number(&mut self, code: u8, bytes: &[u8]) {
        self.out.push(code);
        self.put(bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.count += 1;
    }
}

/// Returns the encoding of the values that `write` writes.
pub fn encode_to_vec(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Encoder::new(&mut out));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::codec::Value;

    #[test]
    fn decoder_reads_what_the_encoder_wrote() {
        let long = "x".repeat(300);
        let bytes = encode_to_vec(|out| {
            out.list(|list| {
                list.uint(0);
                list.uint(70_000);
                list.ulong(3);
                list.int(-5);
                list.long(i64::MIN);
                list.timestamp(7);
                list.ushort(9);
                list.ubyte(1);
                list.bool(true);
                list.string("é");
                list.symbol(&long);
                list.binary(&[1, 2]);
                list.option(None, Encoder::string);
            });
        });
        let items: Vec<_> = Value::read(&bytes).unwrap().items().unwrap().map(Result::unwrap).collect();
        let expected = [
            Value::Uint(0),
            Value::Uint(70_000),
            Value::Ulong(3),
            Value::Int(-5),
            Value::Long(i64::MIN),
            Value::Timestamp(7),
            Value::Ushort(9),
            Value::Ubyte(1),
            Value::Bool(true),
            Value::String("é"),
            Value::Symbol(&long),
            Value::Binary(&[1, 2]),
            Value::Null,
        ];
        assert_eq!(items, expected);
    }

    #[test]
    fn arrays_hold_the_element_type_once() {
        let bytes = encode_to_vec(|out| out.strings(["0", "1"].into_iter()));
        let items: Vec<_> = Value::read(&bytes).unwrap().items().unwrap().map(Result::unwrap).collect();
        assert_eq!(items, [Value::String("0"), Value::String("1")]);
        let bytes = encode_to_vec(|out| out.symbols(&[]));
        assert_eq!(Value::read(&bytes).unwrap().items().unwrap().len(), 0);
    }

    #[test]
    fn described_values_follow_their_descriptor() {
        let bytes = encode_to_vec(|out| out.described(0x24, |value| value.list(|_| ())));
        assert_eq!(bytes[..3], [0x00, 0x53, 0x24]);
        assert_eq!(Value::read(&bytes[3..]).unwrap().items().unwrap().len(), 0);
    }
}
