//! `compare BEFORE.json AFTER.json`: the changes beyond noise between two runs of the benches.
//!
//! Exit code 1 if a figure got worse, 2 if the files can't be compared.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

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
