//! Text for a terminal or a log: errors with their causes, and names from bodies.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write;

use catchwater_sinks::error_chain::error_chain;
use catchwater_sinks::store::Address;

/// An error with its causes, fit to be shown: [`error_chain`], masked and escaped.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    escaped(&masked(&error_chain(error).to_string())).into_owned()
}

/// Masks values of keys and signatures, and passwords of addresses, anywhere in a text. Values that should hold a
/// secret have types that never show it; this covers a name or a path that holds one by mistake.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    match without_address_secrets(text) {
        Cow::Borrowed(text) => without_key_values(text),
        Cow::Owned(text) => Cow::Owned(without_key_values(&text).into_owned()),
    }
}

/// A value that may be or hold a secret by mistake: an address or a connection string is recognized by its form.
pub(super) fn without_secrets(value: &str) -> String {
    masked(&Address::from(value).to_string()).into_owned()
}

/// Masks the user info, query and fragment of addresses.
fn without_address_secrets(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(colon) = rest.find(":/") {
        let slashes = rest[colon + 1..].bytes().take_while(|byte| *byte == b'/').count();
        let (before, authority) = rest.split_at(colon + 1 + slashes);
        out.push_str(before);
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | ';');
        let end = authority.find(ends).unwrap_or(authority.len());
        // In these the part before the `@` is the container.
        let names_container = before.ends_with("abfss://") || before.ends_with("abfs://");
        let is_secret = |at: &usize| {
            let user_info = &authority[..*at];
            user_info.contains(':') || !user_info.contains('/') && !names_container
        };
        let user_info = authority[..end].rfind('@').filter(is_secret);
        let (mut shown, behind) = authority.split_at(end);
        if let Some(at) = user_info {
            out.push('…');
            shown = &shown[at..];
        }
        // A query and a fragment may be a signature or a token.
        let query = shown.find(['?', '#']);
        out.push_str(&shown[..query.map_or(shown.len(), |at| at + 1)]);
        out.push_str(if query.is_some() { "…" } else { "" });
        rest = behind;
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Masks values of keys and signatures.
fn without_key_values(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut out = String::new();
    let mut shown = 0;
    while let Some((name, at)) = SECRET_NAMES
        .iter()
        .filter_map(|name| Some((name, lower[shown..].find(name)?)))
        .min_by_key(|(_, at)| *at)
    {
        let value = shown + at + name.len();
        out.push_str(&text[shown..value]);
        out.push('…');
        let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ';' | '&' | '"' | '\'' | '`');
        shown = text[value..].find(is_end).map_or(text.len(), |end| value + end);
    }
    if shown == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[shown..]);
    Cow::Owned(out)
}

/// Keys before a secret in connection strings and addresses of Azure.
const SECRET_NAMES: [&str; 4] = ["sharedaccesskey=", "sharedaccesssignature=", "accountkey=", "sig="];

/// Escapes characters that move the cursor, break the line or change the direction of reading: a body decides the name
/// of its table.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_unsafe(letter) {
            let _ = write!(out, "{}", letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// A name for a table or a heading: [`escaped`] and cut to [`LETTERS_MAX`].
pub(super) fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LETTERS_MAX) {
        None => escaped(name),
        Some((end, _)) => Cow::Owned(format!("{}…", escaped(&name[..end]))),
    }
}

/// Upper bound on the letters of a shown name: a line or two.
const LETTERS_MAX: usize = 200;

/// Control characters, and invisible characters of Unicode that change how others are shown.
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_keys_and_signatures_are_masked() {
        for (text, shown) in [
            ("no event hub events", "no event hub events"),
            (
                "for x, not for Endpoint=sb://h;SharedAccessKey=abc=;EntityPath=e",
                "for x, not for Endpoint=sb://h;SharedAccessKey=…;EntityPath=e",
            ),
            ("https://a/b?sv=1&SIG=abc%3D&x=1 can't be read", "https://a/b?… can't be read"),
            ("b?sv=1&SIG=abc%3D&x=1 can't be read", "b?sv=1&SIG=…&x=1 can't be read"),
            ("sig=a sig=b", "sig=… sig=…"),
            ("no file https://u:abc@h/x, https://h/a@b", "no file https://…@h/x, https://h/a@b"),
            ("Endpoint=sb://u:abc@h/;x=u:abc@h", "Endpoint=sb://…@h/;x=u:abc@h"),
            ("İ sig=ä", "İ sig=…"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn causes_are_escaped() {
        let error = anyhow::anyhow!("a\nb").context("read \u{1b}[2J");
        assert_eq!(causes(error.as_ref()), "read \\u{1b}[2J: a\\nb");
    }

    #[test]
    fn control_characters_of_names_are_escaped() {
        for (name, shown) in [
            ("account", "account"),
            ("Kundë 顧客", "Kundë 顧客"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{1b}[2Jclean: 66 events\u{7}", "\\u{1b}[2Jclean: 66 events\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("evil\u{202e}txt\u{2066}", "evil\\u{202e}txt\\u{2066}"),
            ("line\u{2028}two", "line\\u{2028}two"),
        ] {
            assert_eq!(escaped(name), shown);
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shown(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(shown(&"é\n".repeat(200)), format!("{}…", "é\\n".repeat(100)));
    }
}
