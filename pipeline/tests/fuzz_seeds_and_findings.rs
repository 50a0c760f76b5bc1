//! The checks of the fuzz targets (`pipeline/fuzz`), run over their seeds and all findings.

#![expect(clippy::panic, reason = "a body that can't be read has to fail")]
#![expect(clippy::print_stdout, reason = "a run of millions of inputs reports how far it is")]

#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/body.rs"]
mod body;
#[allow(
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::expect_used,
    reason = "a file of another package"
)]
#[path = "../fuzz/src/chunk.rs"]
mod chunk;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/dice.rs"]
mod dice;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/differential.rs"]
mod differential;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/event.rs"]
mod event;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/frames.rs"]
mod frames;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/hub.rs"]
mod hub;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/link.rs"]
mod link;
#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "a file of another package")]
#[path = "../fuzz/src/spelling.rs"]
mod spelling;
#[path = "support/inputs.rs"]
mod inputs;
#[path = "support/memory.rs"]
mod memory;

use std::time::{Duration, Instant};

use catchwater::internals::amqp::encode::Encoder;
use catchwater::internals::amqp::sections::code;
use catchwater::internals::amqp::transfer::TransferTemplate;

#[test]
fn seed_and_finding_bodies_pass() {
    for (folder, min_files) in
        [("oracle/json", 60), ("oracle/xml", 60), ("fuzz/json_body", 2), ("fuzz/xml_body", 1)]
    {
        check(folder, min_files, |body| in_time(body, body::check));
    }
}

/// Bodies as large as a hub accepts, with content that could take quadratic time.
#[test]
fn large_bodies_pass_in_time() {
    let name = |number: usize| format!(r#""name{number}":"""#);
    let pair = |number: usize| format!(r#"{{"key":"name{number}","value":null}}"#);
    let several = |one: &dyn Fn(usize) -> String| (0..30_000).map(one).collect::<Vec<_>>().join(",");
    for value in [
        format!("[{}]", several(&pair)),
        format!("[{},{}]", several(&pair), pair(7)),
        format!("{{{}}}", several(&name)),
        format!("[{}]", several(&|_| "1".to_owned())),
        format!(r#""{}""#, r"\u00e9".repeat(160_000)),
        format!(r#""{}""#, "\\\"".repeat(240_000)),
        format!("1{}", "0".repeat(900_000)),
        format!("[{}]", several(&|_| r#"{"__type":"Entity:x","Attributes":[]}"#.to_owned())),
    ] {
        let record = format!(r#"{{"__type":"Entity:x","Attributes":[{{"key":"a","value":{value}}}]}}"#);
        let parts = [("InputParameters", "Target"), ("PostEntityImages", "Image"), ("SharedVariables", "a")];
        for (member, key) in parts {
            let body = format!(
                r#"{{"MessageName":"Update","PrimaryEntityName":"account","{member}":[{{"key":"{key}","value":{record}}}]}}"#
            );
            in_time(body.as_bytes(), body::check);
        }
    }
}

/// Checks a body within limits of time and memory. Bodies run one at a time, since memory is counted for the whole
/// process.
fn in_time(body: &[u8], check: fn(&[u8])) {
    let _alone = memory::run_alone();
    let began = Instant::now();
    memory::bounded(check, body);
    // The checks read a body six times, in a build with few optimizations, on a machine that may be busy.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?} for a body of {}", began.elapsed(), body.len());
}

/// Bodies that are cut short, and bodies with a changed byte.
#[test]
fn damaged_bodies_pass() {
    let broken = |body: &[u8]| {
        for at in (0..body.len()).step_by(97) {
            body::check(&body[..at]);
            let mut changed = body.to_vec();
            changed[at] ^= 1 << (at % 8);
            body::check(&changed);
        }
    };
    for folder in ["oracle/json", "oracle/xml"] {
        check(folder, 60, broken);
    }
}

#[test]
fn random_events_are_equal_in_both_formats() {
    check("fuzz/differential", 1, differential::check);
    for bytes in inputs::random_bytes(2_000, 400) {
        differential::check(&bytes);
    }
}

#[test]
fn random_row_groups_decode_to_their_values() {
    check("fuzz/chunk", 0, chunk::check);
    for bytes in inputs::random_bytes(1_000, 200) {
        chunk::check(&bytes);
    }
}

#[test]
fn links_do_not_depend_on_cuts() {
    check("fuzz/link", 0, link::check);
    let template = TransferTemplate::new(0, 0);
    let mut stream = vec![40];
    for number in 0..6_u32 {
        let message = message(number);
        template.put_whole(&mut stream, number, &[&message]);
        template.put_first(&mut stream, number + 100, &message[..40]);
        template.put_next(&mut stream, &message[40..], false);
    }
    for at in 0..stream.len() {
        let mut broken = stream.clone();
        broken[at] ^= 1 << (at % 8);
        link::check(&broken);
        broken.truncate(at);
        link::check(&broken);
    }
}

#[test]
fn frames_do_not_depend_on_cuts_and_values_are_read_as_they_are_skipped() {
    check("fuzz/frames", 1, frames::check);
    fuzz("frames", 3_000, frames::check);
}

#[test]
fn hub_survives_any_peer() {
    check("fuzz/hub", 0, hub::check);
    fuzz("hub", 3_000, hub::check);
}

/// Runs a check over random inputs, each made of the bytes of peers that keep the protocol: `inputs` of them, or as many
/// as `CATCHWATER_FUZZ_RUNS` asks for. `CATCHWATER_FUZZ_SEED` makes others.
fn fuzz(target: &str, inputs: u64, check: fn(&[u8])) {
    let setting = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let inputs = setting("CATCHWATER_FUZZ_RUNS").unwrap_or(inputs);
    let mut mutator = inputs::Mutator::new(setting("CATCHWATER_FUZZ_SEED").unwrap_or(1), hub::peers());
    let began = Instant::now();
    for number in 0..inputs {
        let input = mutator.input();
        let passed = std::panic::catch_unwind(|| check(&input)).is_ok();
        assert!(passed, "{target}: input {number} fails: {input:02x?}");
        if (number + 1) % 1_000_000 == 0 {
            println!("{target}: {} inputs in {} s", number + 1, began.elapsed().as_secs());
        }
    }
}

/// Messages with a byte that is changed, removed or repeated.
#[test]
fn damaged_messages_keep_the_link_and_their_neighbors() {
    check("fuzz/message", 0, link::check_message);
    let message = message(1);
    for at in 0..message.len() {
        for byte in 0..=u8::MAX {
            let mut damaged = vec![40];
            damaged.extend_from_slice(&message);
            damaged[at + 1] = byte;
            link::check_message(&damaged);
        }
        for (start, end) in [(0, at), (at, message.len())] {
            link::check_message(&[&[at as u8][..], &message[start..end]].concat());
            link::check_message(&[&[at as u8][..], &message, &message[start..end]].concat());
        }
    }
}

fn message(number: u32) -> Vec<u8> {
    let mut message = Vec::new();
    let mut out = Encoder::new(&mut message);
    out.described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("x-opt-sequence-number");
            map.long(number.into());
            map.symbol("x-opt-offset");
            map.string("7");
            map.symbol("x-opt-enqueued-time");
            map.timestamp(1);
        });
    });
    out.described(code::DATA, |out| out.binary(b"body"));
    message
}

/// Runs a check over the files of a folder of `tests/data`, which has at least `min_files`.
fn check(folder: &str, min_files: usize, check: impl Fn(&[u8])) {
    let folder = inputs::data_folder(folder);
    let inputs = inputs::contents(&folder);
    assert!(inputs.len() >= min_files, "{} has {} files", folder.display(), inputs.len());
    for input in &inputs {
        check(input);
    }
}
