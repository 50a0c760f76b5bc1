//! Characters, numbers, dates and bytes in the form of the platform's serializers.

use std::fmt::Write as _;

use crate::dice::Dice;

pub fn json_letter(out: &mut String, letter: char, more: bool) {
    match letter {
        '"' | '\\' | '/' => {
            out.push('\\');
            out.push(letter);
        }
        '\0'..' ' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' | '\u{10000}'.. => {
            units(out, letter)
        }
        _ if more => units(out, letter),
        _ => out.push(letter),
    }
}

fn units(out: &mut String, letter: char) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

pub fn xml_letter(out: &mut String, letter: char, more: bool) {
    match letter {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\t' | '\n' => out.push(letter),
        '\0'..' ' | '\u{fffe}' | '\u{ffff}' => drop(write!(out, "&#x{:X};", u32::from(letter))),
        _ if more => drop(write!(out, "&#{};", u32::from(letter))),
        _ => out.push(letter),
    }
}

/// Draws a decimal of up to 20 digits, at most 10 of them after the point.
pub fn decimal(dice: &mut Dice<'_>) -> String {
    let digits = dice.long().unsigned_abs().to_string();
    let scale = dice.below(11);
    let sign = ["", "-"][dice.below(2)];
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Draws a double as .NET writes it: a capital E and a signed exponent.
pub fn double(dice: &mut Dice<'_>) -> String {
    let exponent = ["", "E+15", "E+300", "E-10"][dice.below(4)];
    format!("{}.{}{exponent}", dice.below(10), 1 + dice.below(9))
}

/// Draws a time in the years 1 to 9999, in unix milliseconds.
pub fn date_ms(dice: &mut Dice<'_>) -> i64 {
    dice.long().rem_euclid(253_402_300_800_000 + 62_135_596_800_000) - 62_135_596_800_000
}

/// Formats unix milliseconds in ISO 8601, without trailing zeros.
pub fn iso(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (seconds, fraction) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction > 0 {
        let _ = write!(text, ".{}", format!("{fraction:03}").trim_end_matches('0'));
    }
    text
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// # Source
/// Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

pub fn base64(out: &mut String, bytes: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * at) & 63];
            out.push(if at > chunk.len() { '=' } else { char::from(letter) });
        }
    }
}
