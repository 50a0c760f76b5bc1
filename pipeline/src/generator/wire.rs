//! JSON text as `DataContractJsonSerializer` spells it.
//!
//! Owns: how GUIDs, numbers and dates look. Text is not escaped here: the vocabulary is written in its escaped
//! form, so that making an event is copying.

/// Contract names of the classes that are written where the declared type is `object`.
pub(super) const ENTITY: &str = r#""__type":"Entity:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","#;
pub(super) const REFERENCE: &str =
    r#"{"__type":"EntityReference:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Id":""#;
pub(super) const CHOICE: &str =
    r#"{"__type":"OptionSetValue:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Value":"#;
pub(super) const MONEY: &str =
    r#"{"__type":"Money:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Value":"#;

/// Appends JSON text to a buffer.
#[derive(Debug)]
pub(super) struct Wire<'a>(pub(super) &'a mut Vec<u8>);

impl Wire<'_> {
    /// Text that is in its wire form already.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// A GUID without quotes, lower-case with dashes.
    pub(super) fn guid(&mut self, guid: u128) -> &mut Self {
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in guid.to_be_bytes().into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 0xF)];
            at += 2;
        }
        self.0.extend_from_slice(&text);
        self
    }

    pub(super) fn integer(&mut self, value: i64) -> &mut Self {
        if value < 0 {
            self.0.push(b'-');
        }
        self.digits(value.unsigned_abs(), 1)
    }

    /// A decimal whose scale is kept: `12.3400`.
    pub(super) fn decimal(&mut self, unscaled: i64, scale: u32) -> &mut Self {
        if unscaled < 0 {
            self.0.push(b'-');
        }
        let unit = 10_u64.pow(scale);
        let unscaled = unscaled.unsigned_abs();
        self.digits(unscaled / unit, 1);
        self.0.push(b'.');
        self.digits(unscaled % unit, scale as usize)
    }

    /// A double: its shortest form, here made from decimal digits.
    pub(super) fn double(&mut self, mut unscaled: i64, mut scale: u32) -> &mut Self {
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        if scale == 0 { self.integer(unscaled) } else { self.decimal(unscaled, scale) }
    }

    /// A date in quotes, unix milliseconds, UTC.
    pub(super) fn date(&mut self, ms: i64) -> &mut Self {
        self.raw(r#""\/Date("#).integer(ms).raw(r#")\/""#)
    }

    /// At least `width` digits.
    fn digits(&mut self, mut value: u64, width: usize) -> &mut Self {
        let mut text = [b'0'; 20];
        let mut start = text.len();
        while value > 0 {
            start -= 1;
            text[start] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        let start = start.min(text.len() - width);
        self.0.extend_from_slice(&text[start..]);
        self
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";
