//! Faults on request: each is posted to the script of the namespace, and a task follows it.
//!
//! Owns the tasks, and the changes of hubs that a fault asks for. Does not own: the script (`faults`).

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::error::{Error, InjectError};
use super::faults::{Effect, FaultSpec, Operation, Posted, SpecError, Target};
use super::handle::HubHandle;
use super::hub::check_partitions;
use super::namespace::Namespace;
use crate::position::{PartitionId, SequenceNumber};

/// Posts faults to a namespace. Dropping it ends the tasks of faults that are still to come.
#[derive(Debug)]
pub(super) struct Injector {
    namespace: Arc<Namespace>,
    tasks: Mutex<JoinSet<()>>,
}

impl Injector {
    pub(super) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace, tasks: Mutex::default() }
    }

    /// Posts a fault, on the current runtime; returns a sentence about its effect.
    ///
    /// # Errors
    /// The hub or the partition of the fault does not exist.
    pub(super) fn post(&self, spec: &FaultSpec) -> Result<String, InjectError> {
        self.check(&spec.target)?;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        let (namespace, kind, target) = (Arc::clone(&self.namespace), spec.kind, spec.target.clone());
        let operate = move |operation| {
            operate(&namespace, &target, operation)?;
            let Target { hub, partition } = &target;
            tracing::info!(fault = kind, hub, partition, ?operation, "fault injected");
            Ok::<(), Error>(())
        };
        let posted = Posted::new(spec, &self.namespace.faults, &operate)
            .map_err(|source| InjectError::Failed(Box::new(source)))?;
        tasks.spawn(posted.follow(operate));
        Ok(spec.to_string())
    }

    /// Posts the faults of a text, one a line; returns a sentence about each.
    ///
    /// # Errors
    /// A mistake in the text, and then no fault is posted, or a fault that can't be injected.
    pub(super) fn post_lines(&self, text: &str) -> Result<String, FaultTextError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let specs: Vec<FaultSpec> = lines.map(str::parse).collect::<Result<_, _>>()?;
        if specs.is_empty() {
            return Err(FaultTextError::Empty);
        }
        specs.iter().try_for_each(|spec| self.check(&spec.target))?;
        self.check_added_partitions(&specs)?;
        let mut sentences = String::new();
        for spec in &specs {
            sentences.push_str(&self.post(spec)?);
            sentences.push('\n');
        }
        Ok(sentences)
    }

    /// Checks that the partitions that the faults add, together, are not too many for a hub.
    fn check_added_partitions(&self, specs: &[FaultSpec]) -> Result<(), InjectError> {
        let added = |spec: &FaultSpec| match spec.effect {
            Effect::Operation(Operation::AddPartitions(count)) => count,
            _ => 0,
        };
        self.namespace.hubs().iter().try_for_each(|hub| {
            let concerned = specs.iter().filter(|spec| spec.target.has_hub(&hub.name));
            let total = concerned.map(added).fold(hub.partition_count(), u32::saturating_add);
            let too_many = |source| InjectError::Failed(Box::new(Error::Hub(source)));
            check_partitions(total).map_err(too_many)
        })
    }

    fn check(&self, target: &Target) -> Result<(), InjectError> {
        let hubs = self.namespace.hubs();
        let concerned = || hubs.iter().filter(|hub| target.has_hub(&hub.name));
        if let (Some(hub), None) = (&target.hub, concerned().next()) {
            let known = hubs.iter().map(|hub| hub.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(InjectError::UnknownHub { hub: hub.clone(), known });
        }
        let count = concerned().map(|hub| hub.partition_count()).max().unwrap_or(1);
        match target.partition {
            Some(partition) if partition >= count => {
                Err(InjectError::UnknownPartition { partition, last: count - 1 })
            }
            _ => Ok(()),
        }
    }
}

fn operate(namespace: &Arc<Namespace>, target: &Target, operation: Operation) -> Result<(), Error> {
    if operation == Operation::Clear {
        namespace.faults.clear();
        return Ok(());
    }
    let hubs = namespace.hubs().into_iter().filter(|hub| target.has_hub(&hub.name));
    hubs.map(|hub| HubHandle::new(namespace, hub)).try_for_each(|hub| match operation {
        Operation::Retain(newest) => {
            retain(&hub, target, newest);
            Ok(())
        }
        Operation::AddPartitions(count) => hub.add_partitions(count),
        Operation::Recreate => hub.recreate(),
        Operation::Renumber => hub.renumber(),
        Operation::Clear => Ok(()),
    })
}

fn retain(hub: &HubHandle, target: &Target, newest: u64) {
    for id in (0..hub.partitions()).filter(|id| target.has_partition(hub.name(), *id)) {
        let id = PartitionId::new(id);
        let Some(partition) = hub.partition(id) else { continue };
        let end = partition.last.get() + 1;
        hub.purge(id, SequenceNumber::new(end.saturating_sub_unsigned(newest)));
    }
}

/// Error about a text with faults.
#[derive(Debug, thiserror::Error)]
pub enum FaultTextError {
    /// The text has no line.
    #[error(
        "a fault is missing; write one a line, like `detach,every=5s`; all kinds: `catchwater hub --fault help`"
    )]
    Empty,
    /// A line has a mistake.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A fault can't be injected.
    #[error(transparent)]
    Inject(#[from] InjectError),
}
