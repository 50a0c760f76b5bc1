//! Floors: a module imports modules of lower floors and of its own, and each library stays where it belongs.
//!
//! Paths are read, not only `use` lines, so that `crate::run::x()` inside a function counts too.

/// Floors of `pipeline/src`, top first.
pub(crate) const PIPELINE: &[&[&str]] = &[
    &["cli"],
    &["run", "emulator", "generator"],
    &["eventhubs", "partitions"],
    &["amqp", "parse", "columns"],
    &["event", "position", "budget", "clock", "metrics", "subslice", "websocket"],
];

/// Floors of `sinks/src`, top first.
pub(crate) const SINKS: &[&[&str]] =
    &[&["lake"], &["parquet"], &["paths"], &["store"], &["backoff", "error_chain", "ordinals"]];

/// Imports on one floor, each with its reason.
const SIDEWAYS: &[(&str, &str)] = &[
    ("event", "clock"),      // an event has a time
    ("position", "clock"),   // so has a position
    ("event", "position"),   // a raw event has a position
    ("event", "budget"),     // a raw batch carries the permit for its bytes
    ("metrics", "position"), // lag is reported by partition and sequence number
];

/// Libraries that only some modules may use.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("anyhow", &["cli"]),
    ("arrow", &["columns", "run"]),
    ("catchwater_sinks", &["run", "cli", "partitions", "emulator"]), // the emulator: only how an error is shown
    ("clap", &["cli"]),
    ("fe2o3_amqp", &["eventhubs"]),
    ("fe2o3_amqp_types", &["eventhubs", "amqp", "emulator"]),
    ("indicatif", &["cli"]),
    ("object_store", &["store"]), // of sinks
    ("quick_xml", &["parse"]),
    ("serde_amqp", &["eventhubs", "amqp", "emulator"]),
    ("simd_json", &["parse"]),
    ("simdutf8", &["parse"]),
];

/// Imports of `code`, a part of `module`, that do not go down.
pub(crate) fn import_faults(floors: &[&[&str]], module: &str, code: &str) -> Vec<String> {
    let floor = |module: &str| floors.iter().position(|floor| floor.contains(&module));
    let Some(own) = floor(module) else { return Vec::new() };
    let mut faults = Vec::new();
    for named in named_modules(code) {
        let Some(other) = floor(&named) else { continue };
        let sideways = SIDEWAYS.contains(&(module, named.as_str()));
        if named != module && other <= own && !sideways {
            let (own, other) = (floors.len() - own, floors.len() - other);
            faults.push(format!("`{module}` (floor {own}) names `{named}` (floor {other})"));
        }
    }
    faults
}

/// Libraries that `module` may not use.
pub(crate) fn library_faults(module: &str, code: &str) -> Vec<String> {
    let foreign =
        LIBRARIES.iter().filter(|(library, users)| !users.contains(&module) && names_library(code, library));
    foreign.map(|(library, _)| format!("`{module}` names the library `{library}`")).collect()
}

/// The first name below `crate` of each path: `x` of `crate::x`, `x` and `y` of `crate::{x…, y…}`.
fn named_modules(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => named.extend(group_heads(group)),
            None => named.push(word(rest)),
        }
    }
    named
}

/// The first name of each path in a braced group: `a::{b, c}, d` gives `a` and `d`.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut at_head) = (0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if at_head && (letter.is_alphanumeric() || letter == '_') => {
                heads.push(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn names_library(code: &str, library: &str) -> bool {
    let path = format!("{library}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
    })
}
