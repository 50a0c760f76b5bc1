//! The option for faults of `hub`.

use clap::Args;

use crate::emulator::{FaultSpec, SpecError};

/// Option for faults.
#[derive(Debug, Args)]
pub(super) struct FaultOptions {
    /// Fault to inject, as often as given: `detach,every=5s`, `busy,at=10s,for=4s`, `retention=100,after=5000`; `help`
    /// prints all kinds and keys
    #[arg(long = "fault", value_parser = argument, value_name = "SPEC")]
    faults: Vec<FaultArgument>,
    /// Take faults by POST /faults on any --health address [default: on loopback addresses only]
    #[arg(long, env = "CATCHWATER_REMOTE_FAULTS")]
    pub(super) remote_faults: bool,
}

/// Value of the option.
#[derive(Clone, Debug)]
enum FaultArgument {
    Help,
    Fault(Box<FaultSpec>),
}

impl FaultOptions {
    /// Returns the faults; `None` if help is asked for.
    pub(super) fn specs(&self) -> Option<Vec<FaultSpec>> {
        let spec = |argument: &FaultArgument| match argument {
            FaultArgument::Help => None,
            FaultArgument::Fault(spec) => Some(FaultSpec::clone(spec)),
        };
        self.faults.iter().map(spec).collect()
    }
}

fn argument(text: &str) -> Result<FaultArgument, SpecError> {
    if text == "help" {
        return Ok(FaultArgument::Help);
    }
    text.parse().map(|spec| FaultArgument::Fault(Box::new(spec)))
}
