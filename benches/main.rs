//! All benches, in one program: one table on stdout, one JSON file under `target/benches/`.
//!
//! ```text
//! cargo bench -p catchwater-benches                            all
//! cargo bench -p catchwater-benches -- parse columns/typical   names with these prefixes
//! ```
//!
//! Owns: the list of benches and their order. Does not own: the method of measuring (`src`).

mod bench;
mod stages;
mod end_to_end;
mod rivals;
mod instructions;

use std::process::ExitCode;

use bench::Bench;

/// The product's allocator.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type BenchFn = fn(&mut Bench) -> std::io::Result<()>;

const BENCHES: &[(&str, BenchFn)] = &[
    ("memory", stages::memory::bench),
    ("receive", stages::receive::bench),
    ("hub", stages::hub::bench),
    ("parse", stages::parse::bench),
    ("columns", stages::columns::bench),
    ("encode", stages::encode::bench),
    ("whole", stages::whole::bench),
    ("handoff", stages::handoff::bench),
    ("instructions", instructions::bench),
    ("rivals", rivals::parse::bench),
    ("rivals", rivals::to_parquet::bench),
    ("rivals", rivals::receive::bench),
    ("end_to_end", end_to_end::bench),
    ("stores", end_to_end::stores::bench),
    ("delay", end_to_end::delay::bench),
    ("cold start", end_to_end::cold::bench),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("benches: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> std::io::Result<()> {
    let mut bench = Bench::from_args()?;
    for (name, run_bench) in BENCHES {
        if bench.wants(name)
            && let Err(error) = run_bench(&mut bench)
        {
            bench.failed(name, &error)?;
        }
    }
    bench.finish()
}
