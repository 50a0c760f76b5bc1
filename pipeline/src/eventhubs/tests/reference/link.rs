//! Attaching the link that reads a partition: its source, its filter, its properties.
//!
//! Each receiver has a session of its own. fe2o3-amqp passes frames from the connection to the session to the link
//! through bounded buffers, and a full buffer stalls all before it. So no buffer may ever be full: credit times frames
//! stays below a link's buffer (`credit::MAX_CREDIT`), and no links share a session's window and buffer. An error that
//! ends a session ends one partition and no other.

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Receiver, Session};
use fe2o3_amqp_types::definitions::{Fields, ReceiverSettleMode, SenderSettleMode};
use fe2o3_amqp_types::messaging::{FilterSet, Source};
use fe2o3_amqp_types::primitives::{Symbol, Value};
use serde_amqp::described::Described;
use serde_amqp::descriptor::Descriptor;
use tracing::warn;
use uuid::Uuid;

use crate::eventhubs::names::{
    EPOCH, GEO_REPLICATION, OFFSET, RECEIVER_NAME, RUNTIME_METRIC, SELECTOR, SELECTOR_CODE, SEQUENCE_NUMBER,
};
use crate::eventhubs::{Error, ErrorKind, ReceiveOptions, Start};
use crate::position::{PartitionId, SequenceNumber};

/// Attaches with the first filter that the hub does not refuse.
pub(super) async fn attach_link(
    connection: &mut ConnectionHandle<()>,
    hub: &str,
    partition: PartitionId,
    options: &ReceiveOptions,
    subject: &str,
) -> Result<(Receiver, SessionHandle<()>), Error> {
    let address = format!("{hub}/ConsumerGroups/{}/Partitions/{partition}", options.consumer_group);
    let mut refused = None;
    for filter in filters(&options.start) {
        let mut session = Session::builder()
            .incoming_window(INCOMING_WINDOW)
            .begin(connection)
            .await
            .map_err(|error| Error::begin(subject, error))?;
        let attached = Receiver::builder()
            .name(format!("{}-{partition}-{}", options.name, Uuid::new_v4().simple()))
            .source(source(address.clone(), filter))
            .target(options.name.clone())
            .sender_settle_mode(SenderSettleMode::Settled)
            .receiver_settle_mode(ReceiverSettleMode::First)
            .credit_mode(CreditMode::Manual)
            .set_desired_capabilities(vec![Symbol::from(RUNTIME_METRIC), Symbol::from(GEO_REPLICATION)])
            .properties(link_properties(options))
            // Hubs spell addresses in other ways. The first event shows whether the filter was applied.
            .verify_incoming_source(false)
            .verify_incoming_target(false)
            .attach(&mut session)
            .await
            .map_err(|error| Error::attach_receiver(subject, error));
        match attached {
            Ok(receiver) => return Ok((receiver, session)),
            Err(error) if error.kind() == ErrorKind::PositionLost => {
                warn!(error = &error as &dyn std::error::Error, "the hub refused a position");
                refused = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| Error::lost(subject, "no position to start from")))
}

fn source(address: String, filter: String) -> Source {
    let described = Described { descriptor: Descriptor::Code(SELECTOR_CODE), value: Value::String(filter) };
    let mut filters = FilterSet::new();
    filters.insert(Symbol::from(SELECTOR), Value::Described(Box::new(described)));
    Source { address: Some(address), filter: Some(filters), ..Source::default() }
}

fn link_properties(options: &ReceiveOptions) -> Fields {
    let mut properties = Fields::new();
    properties.insert(Symbol::from(RECEIVER_NAME), Value::String(options.name.clone()));
    if let Some(level) = options.owner_level {
        properties.insert(Symbol::from(EPOCH), Value::Long(level));
    }
    properties
}

/// The filters that select the start, best first: the hub may refuse one.
fn filters(start: &Start) -> Vec<String> {
    let after_number = |number: SequenceNumber| format!("amqp.annotation.{SEQUENCE_NUMBER} > '{number}'");
    match start {
        Start::Earliest => vec![format!("amqp.annotation.{OFFSET} > '-1'")],
        Start::After { offset, sequence_number } => {
            vec![format!("amqp.annotation.{OFFSET} > '{offset}'"), after_number(*sequence_number)]
        }
        Start::AfterSequence(number) => vec![after_number(*number)],
        Start::EnqueuedAfter(time) => vec![format!("amqp.annotation.x-opt-enqueued-time > '{time}'")],
    }
}

/// Session incoming-window, in transfers: as many as a link buffers. Credit is the limit.
const INCOMING_WINDOW: u32 = 65_535;
