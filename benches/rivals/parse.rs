//! Parsing: bodies → the facts of the event and the attributes of its target; C++ simdjson also reads all leaves.
//!
//! Ours reads all leaves and keeps the digits of numbers.

use std::fs;
use std::hint::black_box;
use std::io;
use std::process::Command;

use catchwater::internals::generator::Format;
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater_benches::bodies::{Bodies, SHAPES};
use catchwater_benches::turns::Contender;
use catchwater_benches::yardstick;

use super::checksum::Checksum;
use super::external::External;
use super::program;
use super::typed::Typed;
use crate::bench::{Bench, scratch_folder};

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for shape in SHAPES.into_iter().filter(|shape| shape.format == Format::Json) {
        let group = format!("rivals/parse/{}", shape.name);
        if !bench.wants(&group) {
            continue;
        }
        let Some(bodies) = shape.bodies(bench.effort, 1)? else {
            bench.add_absent("real bodies: ../shared/corpus is not beside the project")?;
            continue;
        };
        let expected = checksum(&bodies)?;
        let mut contenders = vec![ours(&bodies), yardstick::tape(&bodies)];
        for (name, read) in serde_rivals() {
            contenders.push(typed(name, &bodies, expected.facts, read)?);
        }
        if !cfg!(feature = "rivals") {
            bench.add_absent("the rival sonic-rs: the feature `rivals` is off")?;
        }
        for (name, expected, everything) in [
            ("simdjson on demand, facts and target", expected.facts, None),
            ("simdjson on demand, everything", expected.everything, Some("everything")),
        ] {
            match simdjson(name, &bodies, expected, everything)? {
                Ok(rival) => contenders.push(rival),
                Err(absent) => bench.add_absent(absent)?,
            }
        }
        let mut contenders: Vec<_> = contenders.into_iter().map(Contender::warm).collect();
        bench.group(&group, bodies.load(), &mut contenders)?;
    }
    Ok(())
}

fn ours(bodies: &Bodies) -> Contender<'_> {
    let mut parser = Parser::new(ParentContext::Drop);
    Contender::new("ours", move || {
        bodies.iter().for_each(|body| _ = black_box(parser.parse(body).is_ok()));
    })
}

/// Checksums of our parser.
#[derive(Default)]
struct Expected {
    facts: Checksum,
    everything: Checksum,
}

fn checksum(bodies: &Bodies) -> io::Result<Expected> {
    let mut parser = Parser::new(ParentContext::Drop);
    let mut expected = Expected::default();
    for body in bodies.iter() {
        let event = parser.parse(body).map_err(|reject| io::Error::other(reject.reason.to_string()))?;
        expected.facts.event(&event);
        expected.everything.everything(&event);
    }
    Ok(expected)
}

type Read = fn(&[u8], &mut dyn FnMut(&Typed<'_>)) -> Result<(), String>;

fn serde_rivals() -> Vec<(&'static str, Read)> {
    vec![
        ("serde_json", |body, look| {
            look(&serde_json::from_slice(body).map_err(|error| error.to_string())?);
            Ok(())
        }),
        #[cfg(feature = "rivals")]
        ("sonic-rs", |body, look| {
            look(&sonic_rs::from_slice(body).map_err(|error| error.to_string())?);
            Ok(())
        }),
    ]
}

fn typed<'a>(
    name: &'static str,
    bodies: &'a Bodies,
    expected: Checksum,
    read: Read,
) -> io::Result<Contender<'a>> {
    let mut checksum = Checksum::default();
    for body in bodies.iter() {
        read(body, &mut |typed| typed.checksum(&mut checksum)).map_err(io::Error::other)?;
    }
    agree(name, checksum, expected)?;
    Ok(Contender::new(name, move || {
        bodies.iter().for_each(|body| _ = black_box(read(body, &mut |typed| _ = black_box(typed)).is_ok()));
    }))
}

/// Starts C++ simdjson, a program that first loads the bodies from a file.
fn simdjson(
    name: &'static str,
    bodies: &Bodies,
    expected: Checksum,
    everything: Option<&str>,
) -> io::Result<Result<Contender<'static>, String>> {
    let program = match program("simdjson") {
        Ok(program) => program,
        Err(absent) => return Ok(Err(absent)),
    };
    let folder = scratch_folder()?;
    let file = folder.path().join("bodies.ndjson");
    fs::write(&file, bodies.lines())?;
    let rival = External::start(Command::new(program).arg(&file).args(everything))?;
    let checksum = Checksum(rival.answer.parse().map_err(io::Error::other)?);
    agree(name, checksum, expected)?;
    Ok(Ok(rival.contender(name)))
}

fn agree(name: &str, checksum: Checksum, expected: Checksum) -> io::Result<()> {
    if checksum == expected {
        return Ok(());
    }
    Err(io::Error::other(format!("{name} read {checksum:?}, ours read {expected:?}")))
}
