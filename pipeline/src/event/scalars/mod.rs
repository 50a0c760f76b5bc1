//! Scalars in their text form: GUIDs, dates, numbers.
//!
//! Owns: reading them without losing a digit, or refusing them. Does not own: the meaning of a string (`value`,
//! `columns`).

mod guid;

pub use guid::{Guid, ZERO_GUID, guid};

use std::fmt::{self, Write};

/// A number as a decimal of 26 digits before and 12 after the point, in its narrowest form: two are equal exactly if
/// their values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// An integer of 64 bits.
    Integer(i64),
    /// Anything else, in units of 10⁻¹².
    Scaled(i128),
}

/// A JSON number, read once: its value where a decimal column holds it, and the text it was written as for columns that
/// hold other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberLiteral<'a> {
    text: &'a [u8],
    exact: Option<Number>,
}

impl<'a> NumberLiteral<'a> {
    /// Reads a JSON number.
    pub fn read(text: &'a [u8]) -> Self {
        Self { text, exact: number(text) }
    }

    /// The value, if no digit is lost in a decimal column.
    pub fn exact(self) -> Option<Number> {
        self.exact
    }

    /// The value, if no digit is lost in a double column.
    pub fn double(self) -> Option<f64> {
        double(str::from_utf8(self.text).ok()?)
    }
}

/// The digits after the point of every decimal column.
///
/// # Source
/// Dataverse keeps at most ten for money and decimals, and twelve for exchange rates.
pub const SCALE: u32 = 12;

/// The digits of every decimal column: what 128 bits hold.
pub const PRECISION: u32 = 38;

const _: () = assert!(PRECISION <= i128::MAX.ilog10(), "128 bits hold every decimal");
const _: () = assert!(PRECISION - SCALE > i64::MAX.ilog10(), "a decimal holds every 64-bit integer");

impl Number {
    /// Its value in units of 10⁻¹².
    pub fn scaled(self) -> i128 {
        match self {
            Self::Integer(integer) => i128::from(integer) * 10i128.pow(SCALE),
            Self::Scaled(scaled) => scaled,
        }
    }

    /// Its value, if it is an integer of 32 bits.
    pub fn int32(self) -> Option<i32> {
        i32::try_from(self.int64()?).ok()
    }

    /// Its value, if it is an integer of 64 bits.
    pub fn int64(self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(integer),
            Self::Scaled(_) => None,
        }
    }
}

/// A JSON number, if no digit is lost in a decimal of 26 digits before and 12 after the point.
pub fn number(text: impl AsRef<[u8]>) -> Option<Number> {
    read_number(text.as_ref())
}

fn read_number(text: &[u8]) -> Option<Number> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if let (magnitude, len @ 1..) = leading_integer(digits)
        && len == digits.len()
    {
        return Some(Number::Integer(if len < text.len() { -magnitude } else { magnitude }));
    }
    let decimal = Decimal::scan(text)?;
    let integer_digits = i64::from(PRECISION - SCALE);
    let shift = decimal.point - decimal.count as i64;
    if decimal.count == 0 {
        return Some(Number::Integer(0));
    }
    if decimal.point > integer_digits || shift < -i64::from(SCALE) {
        return None;
    }
    let magnitude = decimal.digits().fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let magnitude = magnitude * 10i128.pow((shift + i64::from(SCALE)) as u32);
    let scaled = if decimal.negative { -magnitude } else { magnitude };
    if shift >= 0
        && let Ok(integer) = i64::try_from(scaled / 10i128.pow(SCALE))
    {
        return Some(Number::Integer(integer));
    }
    Some(Number::Scaled(scaled))
}

/// True if an f64 represents this JSON number without losing a digit.
pub fn survives_f64(text: impl AsRef<[u8]>) -> bool {
    let bytes = text.as_ref();
    // Up to 15 significant digits survive in any exponent that f64 has; without an `E` it is a small one.
    if bytes.len() <= 15 && bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')) {
        return Decimal::scan(bytes).is_some();
    }
    let Some(stated) = Decimal::scan(bytes) else { return false };
    let float = str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    float.is_some_and(|float: f64| stated.is(float, format_args!("{float:e}")))
}

/// The double that a JSON number states, if no digit is lost: read back in the serializer's way it is the same number.
///
/// # Source
/// Schema reference, section 2.3: the shortest form that gives the double back, or all 17 digits.
pub fn double(text: &str) -> Option<f64> {
    let stated = Decimal::scan(text.as_bytes())?;
    let float: f64 = text.parse().ok()?;
    let written =
        stated.is(float, format_args!("{float:e}")) || stated.is(float, format_args!("{float:.16e}"));
    written.then_some(float)
}

/// A date as its text states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The stated instant or wall clock, in milliseconds since 1970. The offset is not applied.
    pub ms: i64,
    /// The offset from UTC in the text, in minutes.
    pub offset: Option<i32>,
    /// The text has no digits beyond milliseconds.
    pub exact: bool,
}

impl Date {
    /// The milliseconds; `None` if an offset leaves open which instant they are.
    pub fn unambiguous(self) -> Option<i64> {
        (self.offset.unwrap_or(0) == 0).then_some(self.ms)
    }
}

/// The serializer's date, `/Date(1714979289000)/` or `/Date(1714979289000+0200)/`.
pub fn date(text: impl AsRef<[u8]>) -> Option<Date> {
    read_date(text.as_ref())
}

fn read_date(text: &[u8]) -> Option<Date> {
    let inner = text.strip_prefix(b"/Date(")?.strip_suffix(b")/")?;
    let digits = inner.strip_prefix(b"-").unwrap_or(inner);
    let (magnitude, len) = leading_integer(digits);
    if len == 0 || len > 1 && digits[0] == b'0' {
        return None;
    }
    let ms = if digits.len() < inner.len() { -magnitude } else { magnitude };
    let offset = &digits[len..];
    let offset = match offset {
        b"" => None,
        // The offset in every event.
        b"+0000" => Some(0),
        _ => Some(zone(str::from_utf8(offset).ok()?)?),
    };
    if !DATES.contains(&ms) {
        return None;
    }
    Some(Date { ms, offset, exact: true })
}

/// An ISO 8601 date and time, `2024-12-10T06:43:27.963Z`: its wall clock read as UTC, and the offset after it. Digits
/// beyond milliseconds are cut off towards 1970, as the serializer does.
pub fn iso_date(text: impl AsRef<[u8]>) -> Option<Date> {
    let text = str::from_utf8(text.as_ref()).ok()?;
    let (clock, rest) = text.split_at_checked(19)?;
    let fixed = clock.as_bytes();
    if [fixed[4], fixed[7], fixed[10], fixed[13], fixed[16]] != *b"--T::" {
        return None;
    }
    let part = |range: std::ops::Range<usize>| decimal_digits(&clock[range]);
    let days = days_from_1970(part(0..4)?, part(5..7)?, part(8..10)?)?;
    let (hour, minute, second) = (part(11..13)?, part(14..16)?, part(17..19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, suffix) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
    let (fraction, exact) = milliseconds(fraction)?;
    let ms = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + fraction;
    let offset = match suffix {
        "" => None,
        "Z" => Some(0),
        _ => Some(zone(suffix)?),
    };
    let before_1970 = ms < i64::from(offset.unwrap_or(0)) * 60_000;
    Some(Date { ms: ms + i64::from(before_1970 && !exact), offset, exact })
}

/// Range of a .NET `DateTime` in unix milliseconds: year 1 to 9999.
pub const DATES: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Significant digits and exponent of a JSON number: 0.DIGITS × 10^point.
struct Decimal<'a> {
    negative: bool,
    /// From the first significant digit to the last, perhaps with the point between.
    significant: &'a [u8],
    count: usize,
    point: i64,
}

impl<'a> Decimal<'a> {
    fn scan(bytes: &'a [u8]) -> Option<Self> {
        let negative = bytes.first() == Some(&b'-');
        let unsigned = &bytes[usize::from(negative)..];
        let end = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(unsigned.len());
        let (mantissa, exponent) = unsigned.split_at(end);
        let before = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
        let well_formed = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let leading_zero = before > 1 && mantissa[0] == b'0';
        if !well_formed(&mantissa[..before])
            || leading_zero
            || before < mantissa.len() && !well_formed(&mantissa[before + 1..])
        {
            return None;
        }
        let exponent = exponent_value(exponent)?;
        let significant = |byte: &u8| (b'1'..=b'9').contains(byte);
        let Some(first) = mantissa.iter().position(significant) else {
            return Some(Self { negative, significant: &[], count: 0, point: 0 });
        };
        let last = mantissa.iter().rposition(significant).unwrap_or(first);
        let point_between = usize::from(first < before && before < last);
        // One of the two is zero: digits before the point count up, zeros after it count down.
        let point = before.saturating_sub(first) as i64 - first.saturating_sub(before + 1) as i64;
        Some(Self {
            negative,
            significant: &mantissa[first..=last],
            count: last + 1 - first - point_between,
            point: point + exponent,
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.significant.iter().copied().filter(|byte| *byte != b'.')
    }

    /// True if this double, written so, has the same value.
    fn is(&self, float: f64, written: fmt::Arguments<'_>) -> bool {
        let mut text = Formatted { text: [0; 32], len: 0 };
        if !float.is_finite() || text.write_fmt(written).is_err() {
            return false;
        }
        Decimal::scan(&text.text[..text.len]).is_some_and(|given_back| given_back.same_value(self))
    }

    fn same_value(&self, other: &Self) -> bool {
        self.count == other.count
            && (self.count == 0 || self.negative == other.negative && self.point == other.point)
            && self.digits().eq(other.digits())
    }
}

/// The number after `E`, up to six digits: more than any number type has.
fn exponent_value(part: &[u8]) -> Option<i64> {
    let digits = match part {
        [] => return Some(0),
        [_, b'+' | b'-', digits @ ..] | [_, digits @ ..] => digits,
    };
    if digits.len() > 6 {
        return None;
    }
    let value = decimal_digits(str::from_utf8(digits).ok()?)?;
    Some(if part[1] == b'-' { -value } else { value })
}

/// A formatted f64: at most 17 digits, a point, two signs, an `e` and three digits of exponent.
struct Formatted {
    text: [u8; 32],
    len: usize,
}

impl Write for Formatted {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// A zone's offset, `+0200` or `+02:00`, in minutes.
fn zone(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = match text.len() {
        5 => (text.get(1..3)?, text.get(3..5)?),
        6 if text.as_bytes()[3] == b':' => (text.get(1..3)?, text.get(4..6)?),
        _ => return None,
    };
    let (hours, minutes) = (decimal_digits(digits.0)? as i32, decimal_digits(digits.1)? as i32);
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// The number at the start of a text, and its count of digits: at most 18, which 64 bits hold.
fn leading_integer(bytes: &[u8]) -> (i64, usize) {
    // Milliseconds since 1970 have more than eight digits.
    let eight = bytes.first_chunk().and_then(|first| eight_digits(*first));
    let (mut magnitude, mut len) = eight.map_or((0, 0), |eight| (eight, 8));
    for byte in bytes[len..].iter().take(18 - len).take_while(|byte| byte.is_ascii_digit()) {
        magnitude = magnitude * 10 + i64::from(byte - b'0');
        len += 1;
    }
    (magnitude, len)
}

/// The number of eight digits: neighbours are joined three times.
fn eight_digits(text: [u8; 8]) -> Option<i64> {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
    const HIGH: u64 = u64::from_le_bytes([0xf0; 8]);
    const SIX: u64 = u64::from_le_bytes([6; 8]);
    let text = u64::from_le_bytes(text);
    // Six more than a digit is still below 0x40, and everything above 9 is not.
    if (text & HIGH) | ((text.wrapping_add(SIX) & HIGH) >> 4) != ZEROS | ZEROS >> 4 {
        return None;
    }
    let digits = text - ZEROS;
    let twos = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100).wrapping_add(twos >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    Some(eight as i64)
}

fn decimal_digits(text: &str) -> Option<i64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// `.963` as 963, and true if no digits follow.
fn milliseconds(fraction: &str) -> Option<(i64, bool)> {
    if fraction.is_empty() {
        return Some((0, true));
    }
    let digits = fraction.strip_prefix('.').filter(|digits| !digits.is_empty())?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (shown, beyond) = digits.split_at(digits.len().min(3));
    let exact = beyond.bytes().all(|byte| byte == b'0');
    Some((decimal_digits(shown)? * 10i64.pow(3 - shown.len() as u32), exact))
}

/// Days of the proleptic Gregorian calendar since 1970.
fn days_from_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if year < 1 || !(1..=length).contains(&day) {
        return None;
    }
    // Years counted from March, so that the leap day is a year's last: then months are 153 days in five.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era_day = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(era_day - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_guids() {
        let bytes = guid("00112233-4455-6677-8899-aAbBcCdDeEfF").unwrap();
        assert_eq!(bytes[..6], [0, 0x11, 0x22, 0x33, 0x44, 0x55]);
        assert_eq!(bytes[10..], [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
        for wrong in [
            "",
            "00112233445566778899aabbccddeeff",
            "{0112233-4455-6677-8899-aabbccddeeff}",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899+aabbccddeeff",
            "é0112233-4455-6677-8899-aabbccddeef",
        ] {
            assert_eq!(guid(wrong), None, "{wrong}");
        }
        // Every character at every place.
        for (at, byte) in (0..36).flat_map(|at| (0..0x80_u8).map(move |byte| (at, byte))) {
            let mut text = *b"01234567-89ab-cdef-0123-456789abcdef";
            text[at] = byte;
            let digits: Vec<u32> = text.iter().filter_map(|byte| char::from(*byte).to_digit(16)).collect();
            let dashes = [8, 13, 18, 23].iter().all(|at| text[*at] == b'-');
            let expected = (dashes && digits.len() == 32).then(|| -> Vec<u8> {
                digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
            });
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(guid(text).map(|guid| guid.to_vec()), expected, "{text}");
        }
    }

    #[test]
    fn leading_integer_stops_at_the_first_other_byte() {
        let digits = "9182736450918273645";
        for len in 0..=18 {
            for at in 0..len {
                for other in [b'/', b':', b'.', b'e', b'0', b'9', b' ', 0, 0x7f] {
                    let mut text = digits.as_bytes()[..len].to_vec();
                    text[at] = other;
                    let text = String::from_utf8(text).unwrap();
                    let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(len);
                    let magnitude = text[..end].parse().unwrap_or(0);
                    assert_eq!(leading_integer(text.as_bytes()), (magnitude, end), "{text}");
                }
            }
        }
        assert_eq!(leading_integer(digits.as_bytes()), (918_273_645_091_827_364, 18));
        assert_eq!(leading_integer("1234567é".as_bytes()), (1_234_567, 7));
    }

    #[test]
    fn reads_numbers_without_losing_a_digit() {
        let unit = 10i128.pow(SCALE);
        for (text, expected) in [
            ("0", Some(Number::Integer(0))),
            ("-0", Some(Number::Integer(0))),
            ("-0.000", Some(Number::Integer(0))),
            ("0E+900000", Some(Number::Integer(0))),
            ("12", Some(Number::Integer(12))),
            ("-12", Some(Number::Integer(-12))),
            ("1.0000000000", Some(Number::Integer(1))),
            ("1E+15", Some(Number::Integer(1_000_000_000_000_000))),
            ("1.5e3", Some(Number::Integer(1500))),
            ("9223372036854775807", Some(Number::Integer(i64::MAX))),
            ("-9223372036854775808", Some(Number::Integer(i64::MIN))),
            ("9223372036854775808", Some(Number::Scaled(9_223_372_036_854_775_808 * unit))),
            ("99999999999999999999999999", Some(Number::Scaled((10i128.pow(26) - 1) * unit))),
            ("99999999999999999999999999.999999999999", Some(Number::Scaled(10i128.pow(38) - 1))),
            ("100000000000000000000000000", None),
            ("79228162514264337593543950335", None),
            ("47.63958", Some(Number::Scaled(47_639_580_000_000))),
            ("1234.5600", Some(Number::Scaled(1_234_560_000_000_000))),
            ("149.253731343284", Some(Number::Scaled(149_253_731_343_284))),
            ("-0.000000000001", Some(Number::Scaled(-1))),
            ("0.0000000000010", Some(Number::Scaled(1))),
            ("-1.5E-11", Some(Number::Scaled(-15))),
            ("-1.5E-12", None),
            ("0.33333333333333331", None),
            ("1E+300", None),
            ("1E-300", None),
            ("1E+99999999999999999999", None),
            ("", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("007.5", None),
            ("1E", None),
            ("NaN", None),
            ("INF", None),
            ("1.2.3", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn detects_digits_that_f64_loses() {
        for text in [
            "0",
            "-0.0",
            "12",
            "0.1",
            "1234.5600",
            "1E+300",
            "1E+15",
            "0.33333333333333331",
            "-1.5E-10",
            "9007199254740992",
            "1.0000000000000000000000",
            "5e-324",
            "123456789012",
            "1.7976931348623157E+308",
        ] {
            let shortest = text.parse::<f64>().unwrap();
            let given_back = Decimal::scan(text.as_bytes())
                .unwrap()
                .same_value(&Decimal::scan(format!("{shortest:e}").as_bytes()).unwrap());
            assert_eq!(survives_f64(text), given_back, "{text}");
            assert_eq!(survives_f64(text), text != "0.33333333333333331", "{text}");
        }
        for text in [
            "9007199254740993",
            "79228162514264337593543950335",
            "1E+400",
            "1E-400",
            "123456789.123456789123",
            "1.00000000000000000001",
            "NaN",
            "INF",
            "-INF",
            "",
        ] {
            assert!(!survives_f64(text), "{text}");
        }
    }

    #[test]
    fn reads_doubles_without_losing_a_digit() {
        for (text, expected) in [
            ("4", Some(4.0)),
            ("4.567", Some(4.567)),
            ("4.5670", Some(4.567)),
            ("1E+15", Some(1e15)),
            ("1E+300", Some(1e300)),
            ("-1.5E-10", Some(-1.5e-10)),
            ("0.33333333333333331", Some(1.0 / 3.0)),
            ("0.3333333333333333", Some(1.0 / 3.0)),
            ("0.333333333333333315", None),
            ("0.1", Some(0.1)),
            ("0.10000000000000001", Some(0.1)),
            ("0.1000000000000000055511151231257827", None),
            ("1.7976931348623157E+308", Some(f64::MAX)),
            ("5E-324", Some(5e-324)),
            ("9007199254740992", Some(9_007_199_254_740_992.0)),
            ("9007199254740993", None),
            ("79228162514264337593543950335", None),
            ("1E+400", None),
            ("1E-400", None),
            ("NaN", None),
            ("INF", None),
            ("", None),
        ] {
            assert_eq!(double(text), expected, "{text}");
        }
        assert!(double("-0").is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()));
    }

    #[test]
    fn reads_serializer_dates() {
        let at = |ms, offset| Some(Date { ms, offset, exact: true });
        for (text, expected) in [
            ("/Date(0)/", at(0, None)),
            ("/Date(1714979289000)/", at(1_714_979_289_000, None)),
            ("/Date(1714979289000+0000)/", at(1_714_979_289_000, Some(0))),
            ("/Date(1506409448000-0730)/", at(1_506_409_448_000, Some(-450))),
            ("/Date(-6847804800000)/", at(-6_847_804_800_000, None)),
            ("/Date(-62135596800000+0000)/", at(-62_135_596_800_000, Some(0))),
            ("/Date(253402300799999)/", at(253_402_300_799_999, None)),
            ("/Date(253402300800000)/", None),
            ("/Date(99999999999999999999)/", None),
            ("/Date()/", None),
            ("/Date(007)/", None),
            ("/Date(1+00)/", None),
            ("/Date(1+0000", None),
            ("/Date(a)/", None),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
    }

    #[test]
    fn reads_iso_dates() {
        let at = |ms, offset| Some(Date { ms, offset, exact: true });
        let about = |ms, offset| Some(Date { ms, offset, exact: false });
        for (text, expected) in [
            ("1970-01-01T00:00:00", at(0, None)),
            ("2024-12-10T06:43:27.963Z", at(1_733_813_007_963, Some(0))),
            ("2024-02-29T00:00:00.5000000Z", at(1_709_164_800_500, Some(0))),
            ("1753-01-01T00:00:00Z", at(-6_847_804_800_000, Some(0))),
            ("0001-01-01T00:00:00Z", at(-62_135_596_800_000, Some(0))),
            ("9999-12-31T23:59:59.999Z", at(253_402_300_799_999, Some(0))),
            ("2019-01-11T21:11:30-05:00", at(1_547_241_090_000, Some(-300))),
            ("2024-05-06T07:08:09.1234567Z", about(1_714_979_289_123, Some(0))),
            ("1969-12-31T23:59:59.9999999Z", about(0, Some(0))),
            ("1753-01-01T00:00:00.0000001Z", about(-6_847_804_799_999, Some(0))),
            ("1970-01-01T00:30:00.0000001+01:00", about(1_800_001, Some(60))),
            ("9999-12-31T23:59:59.9999999Z", about(253_402_300_799_999, Some(0))),
            ("2024-05-06T07:08:09.1234x67Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2023-13-01T00:00:00Z", None),
            ("2023-01-01T24:00:00Z", None),
            ("2023-01-01 00:00:00", None),
            ("2023-01-01T00:00:00.Z", None),
            ("2023-01-01", None),
            ("éééééééééééééééé", None),
        ] {
            assert_eq!(iso_date(text), expected, "{text}");
        }
    }
}
