//! Words and habits that were removed from the project, and what to write instead. `docs/STYLE.md` has the rule.
//!
//! A line may be free of them and still need a second reading: this holds the floor, not the ceiling.

/// Words, and the field's own for them. An underscore counts as a space, so names are looked at too.
const WORDS: &[(&str, &str)] = &[
    ("stands", "is, is stored, appears"),
    ("stood", "was, was stored"),
    ("told", "reported, given, known"),
    ("tells", "reports, shows, distinguishes"),
    ("says", "states, specifies, returns"),
    ("said", "stated, returned"),
    ("nobody", "name the subject: no reader, no instance"),
    ("so many", "the number, with its unit"),
    ("manieth", "every n-th"),
    ("for ever", "permanently, without end"),
    ("whatever", "any, regardless of"),
    ("anew", "again"),
    ("thrice", "three times"),
    ("twin", "pair"),
    ("twins", "paired fixtures"),
    ("papers", "docs"),
    ("mended", "fixed"),
    ("under way", "in flight, outstanding"),
    ("is no", "is not a"),
    ("are no", "are not"),
    ("patience", "timeout"),
    ("goodbye", "close timeout"),
    ("glance", "poll interval"),
];

/// Questions that a doc comment must not begin with: it begins with a noun or a verb.
const QUESTIONS: &[&str] = &["What", "Whose", "How", "Whether", "When", "Who", "They"];

/// Characters of a line of prose at most.
const COLUMNS_MAX: usize = 120;

/// Faults of one line of code or prose.
pub(crate) fn line_faults(line: &str) -> Vec<String> {
    let spoken = format!(" {} ", words_of(line).join(" "));
    let mut faults: Vec<String> = WORDS
        .iter()
        .filter(|(word, _)| {
            spoken
                .replace(" is no longer ", " ")
                .replace(" are no longer ", " ")
                .contains(&format!(" {word} "))
        })
        .map(|(word, instead)| format!("`{word}`: write {instead}"))
        .collect();
    let doc = line.trim_start();
    let doc = doc.strip_prefix("/// ").or_else(|| doc.strip_prefix("//! ")).unwrap_or_default();
    let first = doc.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
    if QUESTIONS.contains(&first) {
        faults.push(format!("a doc comment begins with `{first}`: begin with a noun or a verb"));
    }
    faults
}

/// Lines of prose that are too long. Tables, links and commands can't be broken.
pub(crate) fn long_lines(text: &str) -> Vec<usize> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        in_code ^= line.starts_with("```");
        let can_break = !in_code && !line.starts_with('|') && !line.contains("](");
        if can_break && line.chars().count() > COLUMNS_MAX {
            found.push(at + 1);
        }
    }
    found
}

/// Lower-case words; signs and underscores part them, an apostrophe does not.
fn words_of(line: &str) -> Vec<String> {
    let parts = line.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '’');
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
