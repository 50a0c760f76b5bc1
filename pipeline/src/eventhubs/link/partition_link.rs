//! A reader's end of a receiver link.
//!
//! Owns: waiting for the hub's answers. Does not own: the protocol (`receiver_link`), retries (`run`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{info, warn};

use super::attach::{AttachRequest, filters_of};
use super::receiver_link::{Phase, ReceiverLink};
use crate::budget::Budget;
use crate::event::RawBatch;
use crate::eventhubs::condition::ErrorKind;
use crate::eventhubs::connection::{SessionTable, SharedSession};
use crate::eventhubs::error::Error;
use crate::eventhubs::options::ReceiveOptions;
use crate::eventhubs::receive::BatchAssembler;
use crate::position::PartitionId;

/// A link that reads a partition. Dropping it ends the link.
#[derive(Debug)]
pub(crate) struct PartitionLink {
    subject: String,
    link: Arc<SharedSession<ReceiverLink>>,
    table: Arc<SessionTable>,
}

/// Bytes that one link may use.
#[derive(Clone, Debug)]
pub(crate) struct LinkBudget {
    /// Pays for credit and for batches that have arrived.
    pub(crate) budget: Arc<Budget>,
    /// Upper bound on the bytes that are charged for outstanding credit.
    pub(crate) credit_bytes: usize,
}

impl PartitionLink {
    /// Attaches with the first filter that the hub accepts.
    pub(crate) async fn attach(
        table: &Arc<SessionTable>,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        budget: &LinkBudget,
    ) -> Result<Self, Error> {
        let subject = format!("partition {partition} of {hub}");
        let mut refused = None;
        for filter in filters_of(&options.start) {
            let request = AttachRequest { hub, partition, options, filter: &filter };
            let link = Self::begin(table, &subject, &request, budget)?;
            match link.attached().await {
                Ok(()) => {
                    info!(
                        %partition, hub, filter, credit_bytes = budget.credit_bytes,
                        owner_level = options.owner_level, "link attached"
                    );
                    return Ok(link);
                }
                Err(error) if error.kind() == ErrorKind::PositionLost => {
                    let error = &*refused.insert(error) as &dyn std::error::Error;
                    warn!(%partition, hub, filter, error, "the hub refused a position");
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| Error::lost(&subject, "no position to start from")))
    }

    fn begin(
        table: &Arc<SessionTable>,
        subject: &str,
        request: &AttachRequest<'_>,
        budget: &LinkBudget,
    ) -> Result<Self, Error> {
        let AttachRequest { partition, options, .. } = *request;
        let events = BatchAssembler::new(
            partition,
            options.start.position(),
            Arc::clone(&budget.budget),
            budget.credit_bytes,
            Arc::clone(&table.pool),
        )
        .with_distrust(options.distrust.clone());
        let link = SharedSession::new(ReceiverLink::new(subject.to_owned(), partition, events));
        let channel = table
            .insert(Arc::<SharedSession<ReceiverLink>>::clone(&link))
            .map_err(|reason| reason.error(subject))?;
        let link = Self { subject: subject.to_owned(), link, table: Arc::clone(table) };
        link.with(|link, out| link.begin(channel, request, out));
        Ok(link)
    }

    /// Takes the oldest batch, and grants the hub credit for more.
    pub(crate) fn take_batch(&self) -> Option<RawBatch> {
        self.with(ReceiverLink::take_batch)
    }

    /// Takes the error that ended the link.
    pub(crate) fn take_error(&self) -> Option<Error> {
        self.link.lock().take_error()
    }

    /// Outstanding credit, in events.
    pub(crate) fn outstanding_credit(&self) -> u32 {
        self.link.lock().outstanding_credit()
    }

    /// Deliveries dropped since the last event.
    pub(crate) fn unreadable(&self) -> u32 {
        self.link.lock().unreadable()
    }

    /// Returns whether more credit is due and only the budget holds it back.
    pub(crate) fn is_due(&self) -> bool {
        self.link.lock().is_due()
    }

    /// Waits for a change since the last call. Cancel-safe.
    pub(crate) async fn changed(&self) {
        self.link.changed.notified().await;
    }

    /// Detaches and waits for the hub's answer.
    ///
    /// # Errors
    /// The error that ended the link before or instead, unless it was taken.
    pub(crate) async fn detach(&self) -> Result<(), Error> {
        self.with(ReceiverLink::detach);
        let ended = async {
            while self.link.lock().phase() != Phase::Ended {
                self.changed().await;
            }
        };
        if timeout(DETACH_TIMEOUT, ended).await.is_err() {
            return Err(Error::lost(&self.subject, "the hub did not answer the detach"));
        }
        self.take_error().map_or(Ok(()), Err)
    }

    /// Waits for the hub's answer to the attach.
    async fn attached(&self) -> Result<(), Error> {
        let answered = async {
            loop {
                match self.link.lock().phase() {
                    Phase::Attaching | Phase::Refused => {}
                    phase => return phase,
                }
                self.changed().await;
            }
        };
        match timeout(ATTACH_TIMEOUT, answered).await {
            Ok(Phase::Ended) => {
                let unknown = || Error::lost(&self.subject, "the hub refused the link");
                Err(self.take_error().unwrap_or_else(unknown))
            }
            Ok(_) => Ok(()),
            Err(_) => Err(Error::lost(&self.subject, "the hub did not answer the attach")),
        }
    }

    /// Locks the link before the write queue, so that its frames leave in the order they were written.
    fn with<T>(&self, change: impl FnOnce(&mut ReceiverLink, &mut Vec<u8>) -> T) -> T {
        let mut link = self.link.lock();
        self.table.outgoing.write(|out| change(&mut link, out))
    }
}

impl Drop for PartitionLink {
    fn drop(&mut self) {
        self.with(ReceiverLink::abandon);
    }
}

/// Limit on waiting for the hub's answer to an Attach.
const ATTACH_TIMEOUT: Duration = Duration::from_mins(1);
/// Limit on waiting for the hub's answer to a Detach.
const DETACH_TIMEOUT: Duration = Duration::from_secs(5);
