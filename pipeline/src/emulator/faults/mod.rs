//! Injected faults, to test how a client handles them.
//!
//! Owns the kinds of faults, the text form of one, and the script that the connections of a namespace share. Does not
//! own: the execution, which is where the fault strikes (`connection`, `outgoing`, `attach`, `nodes`, `hub`).

mod effect; // the effects of faults, as data
mod condition; // error conditions with the service's texts
mod kind; // the table of kinds: name, value and effect of each
mod spec; // the text form of a fault: `detach,every=5s`
mod script; // faults that are still to come or last, counted by events
mod state; // the script behind a lock, as connections ask for it
mod form; // events that are stored in another AMQP form
mod schedule; // faults that come or end at a time

pub use effect::{Effect, Fault, Form, Operation, Pace, Reason, State, Strike};
pub use spec::{FaultSpec, SpecError, Target, Trigger, fault_help};
pub use state::Faults;

pub(super) use form::reform;
pub(super) use schedule::Posted;
pub(super) use script::Turn;
