//! Decimals: the value of an encoded decimal32, decimal64 or decimal128, as text.
//!
//! Owns: the encoding with a binary coefficient, and the text of a value. No digit is lost.
//!
//! # Source
//! AMQP 1.0, 1.6.15; IEEE 754-2008, 3.5.2. The Python SDK sends a `Decimal` as a decimal128.

use std::fmt;

/// A decoded decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal {
    /// A number: the coefficient times ten to the power of the exponent.
    Number {
        /// The number is below zero, or a negative zero.
        negative: bool,
        /// At most 34 digits.
        coefficient: u128,
        /// Power of ten.
        exponent: i32,
    },
    /// An infinity; true for the negative one.
    Infinity(bool),
    /// Not a number.
    Nan,
}

impl Decimal {
    /// Decodes the 4, 8 or 16 bytes of a decimal; `None` for another length.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        // (bits of the exponent, its bias, digits of the coefficient)
        let (exponent_bits, bias, digits) = match bytes.len() {
            4 => (8, 101, 7),
            8 => (10, 398, 16),
            16 => (14, 6176, 34),
            _ => return None,
        };
        let width = bytes.len() as u32 * 8;
        let whole = bytes.iter().fold(0_u128, |so_far, byte| (so_far << 8) | u128::from(*byte));
        let field = |from: u32, count: u32| (whole >> (width - from - count)) & ((1 << count) - 1);
        let negative = field(0, 1) == 1;
        match field(1, 5) {
            0b11111 => return Some(Self::Nan),
            0b11110 => return Some(Self::Infinity(negative)),
            _ => {}
        }
        let rest = width - 1 - exponent_bits;
        let (exponent, coefficient) = if field(1, 2) == 0b11 {
            // The coefficient begins with the bits 100, which are not stored.
            (field(3, exponent_bits), (0b100 << (rest - 2)) | field(3 + exponent_bits, rest - 2))
        } else {
            (field(1, exponent_bits), field(1 + exponent_bits, rest))
        };
        // A coefficient of more digits than the format has counts as zero.
        let coefficient = if coefficient < 10_u128.pow(digits) { coefficient } else { 0 };
        Some(Self::Number { negative, coefficient, exponent: exponent as i32 - bias })
    }
}

/// The text of the General Decimal Arithmetic: `1.25`, `1E+20`.
impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, coefficient, exponent) = match *self {
            Self::Nan => return out.write_str("NaN"),
            Self::Infinity(negative) => return out.write_str(if negative { "-inf" } else { "inf" }),
            Self::Number { negative, coefficient, exponent } => (negative, coefficient, exponent),
        };
        if negative {
            out.write_str("-")?;
        }
        let digits = coefficient.to_string();
        let point = digits.len() as i32 + exponent;
        if exponent > 0 || point < SMALLEST_PLAIN_POINT {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            return write!(out, "{first}{dot}{rest}E{:+}", point - 1);
        }
        match usize::try_from(point) {
            Ok(point) if point == digits.len() => out.write_str(&digits),
            Ok(point) if point > 0 => write!(out, "{}.{}", &digits[..point], &digits[point..]),
            _ => write!(out, "0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        }
    }
}

/// Lowest place of the decimal point, counted from the first digit, of a number without an exponent: `0.000001`.
const SMALLEST_PLAIN_POINT: i32 = -5;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hex: &str, text: &str) {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(Decimal::read(&bytes).unwrap().to_string(), text, "{hex}");
    }

    #[test]
    fn decimals_of_each_width_have_their_text() {
        // The first four are what the Python SDK encodes.
        check("303c000000000000000000000000007d", "1.25");
        check("b03e0000000000000000000000000001", "-0.1");
        check("3040000c9f2c9cd04674edea3fffffff", "999999999999999999999999999999");
        check("30680000000000000000000000000001", "1E+20");
        check("3040000000000000000000000000007b", "123");
        check("302a0000000000000000000000000000", "0E-11");
        check("32000007", "0.7");
        check("31c000000000007b", "123");
        check("6c7386f26fc0ffff", "9999999999999999");
    }

    #[test]
    fn special_values_are_named() {
        check("78000000000000000000000000000000", "inf");
        check("f8000000", "-inf");
        check("7c00000000000000", "NaN");
        assert_eq!(Decimal::read(&[0; 5]), None);
    }
}
