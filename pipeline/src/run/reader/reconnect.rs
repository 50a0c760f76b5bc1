//! Waiting after the hub was lost, until the next attempt is due.
//!
//! Does not own: the delays (`outage`), or attaching again (`reader`).

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::error::Error;
use super::hub_partition::HubPartition;
use super::outage::Outage;
use super::start::{Plan, Starting};
use crate::eventhubs::Recovery;
use crate::run::messages::PartitionStatus;

/// Events that end a wait early.
pub(super) struct Waits<'a> {
    /// Becomes true when the run drains.
    pub(super) stop: watch::Receiver<bool>,
    /// The status of the partition, once it has started.
    pub(super) status: Option<&'a mut watch::Receiver<PartitionStatus>>,
}

/// The way in which a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The next attempt is due.
    Retry,
    /// A file conflicts with the lake.
    Conflict,
    /// The run drains.
    Stop,
}

impl Starting<'_> {
    /// Plans the start, again after every error of the hub that passes. `None` if the run drains.
    pub(super) async fn plan_until_stopped(
        &self,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<Plan>, Error> {
        let mut outage = Outage::default();
        loop {
            let mut stopping = stop.clone();
            let planned = tokio::select! {
                plan = self.plan() => plan,
                _ = stopping.wait_for(|stop| *stop) => return Ok(None),
            };
            let error = match planned {
                Ok(plan) => return Ok(Some(plan)),
                Err(error) => error,
            };
            let mut waits = Waits { stop: stop.clone(), status: None };
            if self.partition.wait_after(error, &mut outage, &mut waits).await? != Waited::Retry {
                return Ok(None);
            }
        }
    }
}

impl HubPartition {
    /// Waits after an error of the hub, until the next attempt is due. A refused token is replaced first.
    ///
    /// # Errors
    /// The error itself, if it is final.
    pub(super) async fn wait_after(
        &self,
        error: Error,
        outage: &mut Outage,
        waits: &mut Waits<'_>,
    ) -> Result<Waited, Error> {
        self.deps.metrics.links_lost.add(1);
        let Waits { stop, status } = waits;
        let waiting = self.wait_for_retry(error, outage);
        let conflict = async {
            match status {
                Some(status) => status.wait_for(|status| status.conflict.is_some()).await.map(drop),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            waited = waiting => waited.map(|()| Waited::Retry),
            conflict = conflict => conflict.map(|()| Waited::Conflict).map_err(|_| Error::Ended),
            _ = stop.wait_for(|stop| *stop) => Ok(Waited::Stop),
        }
    }

    async fn wait_for_retry(&self, mut error: Error, outage: &mut Outage) -> Result<(), Error> {
        if error.recovery() == Some(Recovery::RenewToken) && outage.may_renew_token() {
            self.warn_of_failure(&error, Duration::ZERO, outage.failures());
            match self.deps.client.renew_token(self.id).await {
                Ok(()) => return Ok(()),
                Err(source) => error = self.hub_error(source),
            }
        }
        let Some(recovery) = error.recovery() else { return Err(error) };
        let retry = self.deps.retry.with_seed(self.id.get().into());
        let Some(delay) = outage.delay_after(recovery, &retry, Instant::now()) else { return Err(error) };
        self.warn_of_failure(&error, delay, outage.failures());
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Logs a failure. In a long outage only failure 1, 2, 4, 8 … of a partition is a warning: there may be a thousand
    /// partitions.
    fn warn_of_failure(&self, error: &Error, delay: Duration, failures: u32) {
        let error = error as &dyn std::error::Error;
        if failures == 0 || failures.is_power_of_two() {
            tracing::warn!(partition = %self.id, error, ?delay, failures, "the event hub was lost; trying again");
        } else {
            tracing::debug!(partition = %self.id, error, ?delay, failures, "the event hub was lost; trying again");
        }
    }

    /// Warns that the hub refuses the position of a link that only went on, so it has other numbers than before.
    pub(super) fn warn_of_position(&self, error: &Error) {
        self.deps.metrics.links_lost.add(1);
        let error = error as &dyn std::error::Error;
        tracing::warn!(partition = %self.id, error, "the event hub refuses the position; finding it again");
    }
}
