//! JSON as .NET reads configuration: comments, a comma after the last element, and a byte order mark are allowed.
//!
//! Owns the way from bytes to standard JSON. Lines and columns do not move, so that an error of the parser names the
//! right place. Does not own: the meaning of the JSON (`config_json`).

/// Returns the text of a file in UTF-8, or in UTF-16 with a byte order mark; `None` if it is malformed.
pub(in crate::emulator) fn decode(bytes: &[u8]) -> Option<String> {
    let utf_16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok())?
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// Replaces comments and commas after a last element by blanks.
pub(in crate::emulator) fn standard(text: &str) -> String {
    // Only ASCII characters outside strings are replaced, so the bytes remain UTF-8.
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    // A comma that may follow a last element.
    let mut comma = None;
    // The last byte that is not a blank, a comment or the comma.
    let mut before = None;
    while at < out.len() {
        let end = match (out[at], out.get(at + 1)) {
            (b'"', _) => string_end(&out, at),
            (b'/', Some(b'/')) => blank(&mut out, at, |rest| rest.iter().position(|byte| *byte == b'\n')),
            (b'/', Some(b'*')) => {
                blank(&mut out, at, |rest| Some(rest.windows(2).skip(2).position(|two| two == b"*/")? + 4))
            }
            _ => at + 1,
        };
        match out[at] {
            byte if byte.is_ascii_whitespace() => {}
            b',' if comma.is_none() && !matches!(before, None | Some(b'[' | b'{')) => comma = Some(at),
            byte => {
                if let Some(comma) = comma.take().filter(|_| matches!(byte, b']' | b'}')) {
                    out[comma] = b' ';
                }
                before = Some(byte);
            }
        }
        at = end;
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Returns the index after a string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Replaces a comment by blanks, except its line ends, and returns the index after it. `length` finds its length.
fn blank(text: &mut [u8], start: usize, length: impl FnOnce(&[u8]) -> Option<usize>) -> usize {
    let end = length(&text[start..]).map_or(text.len(), |length| start + length);
    for byte in &mut text[start..end] {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(relaxed: &str, expected: &str) {
        let text = standard(relaxed);
        assert_eq!(text.len(), relaxed.len(), "places do not move");
        assert_eq!(text.matches('\n').count(), relaxed.matches('\n').count());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::from_str::<serde_json::Value>(expected).unwrap(), "{relaxed}");
    }

    #[test]
    fn comments_and_last_commas_are_left_out() {
        check(
            "// first\n{\"a\": 1, // one\r\n \"b\": /* two\n lines */ [2, 3,],}\n// end",
            r#"{"a":1,"b":[2,3]}"#,
        );
        check("[1, /* a */ // b\n]", "[1]");
        check("/**/[]/***/", "[]");
        check("[\"é\", /* é */ 1]", "[\"é\",1]");
    }

    #[test]
    fn strings_are_unchanged() {
        for text in [r#"["// not a comment"]"#, r#"["/* nor */"]"#, r#"["\",]", ",]"]"#, r#"["\\"]"#] {
            check(text, text);
        }
    }

    #[test]
    fn other_mistakes_remain() {
        for text in
            ["[,]", "[1,,]", "{,}", "[1,,2]", "/* without an end [1]", "[\"open", "[\"\\", "/", "[1]/"]
        {
            assert!(serde_json::from_str::<serde_json::Value>(&standard(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn byte_order_marks_name_the_encoding() {
        let utf_16 =
            |read: fn(u16) -> [u8; 2]| "\u{feff}é{}".encode_utf16().flat_map(read).collect::<Vec<u8>>();
        for bytes in [
            "é{}".as_bytes().to_vec(),
            "\u{feff}é{}".as_bytes().to_vec(),
            utf_16(u16::to_le_bytes),
            utf_16(u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes).as_deref(), Some("é{}"), "{bytes:?}");
        }
        for bytes in [&b"\xff"[..], b"\xff\xfe{", b"\xfe\xff\xd8\x00"] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
