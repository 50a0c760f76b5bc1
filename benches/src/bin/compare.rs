//! `compare A.json B.json`: what changed beyond noise from one run of the benches to the other.
//!
//! Exit code 1 when something got worse, 2 when the files can't be compared.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use catchwater_benches::comparison::Comparison;
use catchwater_benches::report::Report;

fn main() -> ExitCode {
    let paths: Vec<String> = env::args().skip(1).collect();
    let [before, after] = paths.as_slice() else {
        eprintln!("usage: compare BEFORE.json AFTER.json");
        return ExitCode::from(2);
    };
    match compare(before, after) {
        Ok(comparison) => {
            print!("{comparison}");
            ExitCode::from(u8::from(!comparison.worse.is_empty()))
        }
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(before: &str, after: &str) -> io::Result<Comparison> {
    let (before, after) = (Report::read(Path::new(before))?, Report::read(Path::new(after))?);
    println!("before: {}\nafter:  {}", before.machine, after.machine);
    Ok(Comparison::of(&before, &after))
}
