//! Faults that come or end at a time.
//!
//! Owns the waits of one fault, on the runtime's clock. Does not own: the task that waits (`injector`), or the changes
//! of a hub that a fault may ask for.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::effect::{Effect, Operation};
use super::script::FaultId;
use super::spec::{FaultSpec, Target, Trigger};
use super::state::Faults;

/// A fault in the script of a namespace.
#[derive(Debug)]
pub(in crate::emulator) struct Posted {
    id: FaultId,
    spec: FaultSpec,
    faults: Arc<Faults>,
    begun: Instant,
}

impl Posted {
    /// Adds a fault to the script. A fault without a condition happens before this returns.
    ///
    /// # Errors
    /// That of `operate`; the fault will not happen again then.
    pub(in crate::emulator) fn new<E>(
        spec: &FaultSpec,
        faults: &Arc<Faults>,
        operate: impl Fn(Operation) -> Result<(), E>,
    ) -> Result<Self, E> {
        let posted = Self {
            id: faults.add(spec),
            spec: spec.clone(),
            faults: Arc::clone(faults),
            begun: Instant::now(),
        };
        if matches!(spec.trigger, Trigger::Time { first, .. } if first.is_zero()) {
            posted.happen(&operate).unwrap_or(Ok(())).inspect_err(|_| posted.faults.forget(posted.id))?;
        }
        Ok(posted)
    }

    /// Waits for each of its times, and ends what lasts.
    pub(in crate::emulator) async fn follow<E: Error + 'static>(
        self,
        operate: impl Fn(Operation) -> Result<(), E>,
    ) {
        let operate = |operation| {
            // The next time may succeed.
            operate(operation).unwrap_or_else(|error| {
                tracing::warn!(
                    fault = self.spec.kind,
                    error = &error as &dyn Error,
                    "the fault could not be injected"
                );
            });
        };
        match self.spec.trigger {
            Trigger::Events { .. } => self.follow_events(&operate).await,
            Trigger::Time { first, every } => self.follow_time(first, every, &operate).await,
        }
        // A strike stays until a reader comes.
        if !matches!(self.spec.effect, Effect::Strike(_)) {
            self.faults.forget(self.id);
        }
    }

    async fn follow_time(&self, first: Duration, every: Option<Duration>, operate: &impl Fn(Operation)) {
        let mut next = self.begun + first;
        if !first.is_zero() {
            sleep_until(next).await;
            self.happen(operate);
        }
        self.end_after_its_time().await;
        let Some(every) = every else { return };
        while self.faults.is_left(self.id) {
            next = (next + every).max(Instant::now());
            sleep_until(next).await;
            self.happen(operate);
            self.end_after_its_time().await;
        }
    }

    async fn follow_events(&self, operate: &impl Fn(Operation)) {
        let mut changes = self.faults.changes();
        let mut seen = 0;
        while let Some(fired) = self.faults.fired(self.id) {
            if fired > seen {
                seen = fired;
                self.log_state();
                if let Effect::Operation(operation) = self.spec.effect {
                    operate(operation);
                }
                self.end_after_its_time().await;
            } else if !self.faults.is_left(self.id) || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Lets the fault happen, if it may; returns the outcome of an operation.
    fn happen<R>(&self, operate: &impl Fn(Operation) -> R) -> Option<R> {
        if !self.faults.is_left(self.id) {
            return None;
        }
        self.faults.fire(self.id);
        self.log_state();
        match self.spec.effect {
            Effect::Operation(operation) => Some(operate(operation)),
            Effect::Strike(_) | Effect::State(_) => None,
        }
    }

    async fn end_after_its_time(&self) {
        if let (Effect::State(_), Some(lasts)) = (&self.spec.effect, self.spec.lasts) {
            sleep(lasts).await;
            self.faults.end(self.id);
            tracing::info!(fault = self.spec.kind, "fault ended");
        }
    }

    /// Logs a state. A strike and an operation are logged where they happen.
    fn log_state(&self) {
        if matches!(self.spec.effect, Effect::State(_)) {
            let FaultSpec { kind, target: Target { hub, partition }, lasts, .. } = &self.spec;
            tracing::info!(fault = kind, hub, partition, lasts = ?lasts, spec = %self.spec, "fault injected");
        }
    }
}
