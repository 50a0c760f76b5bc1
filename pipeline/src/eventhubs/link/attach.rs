//! The Begin of a session and the Attach of its link, as bytes: source, filter and properties of a receiver.

use crate::amqp::encode::encode_to_vec;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{Attach, Role, SND_SETTLED, Source, Target};
use crate::amqp::session::SessionWindow;
use crate::eventhubs::names::{
    ENQUEUED_TIME, EPOCH, GEO_REPLICATION, OFFSET, RECEIVER_NAME, RUNTIME_METRIC, SELECTOR, SELECTOR_CODE,
    SEQUENCE_NUMBER,
};
use crate::eventhubs::options::{ReceiveOptions, Start};
use crate::position::{PartitionId, SequenceNumber};

/// One attempt to attach to a partition.
#[derive(Debug)]
pub(super) struct AttachRequest<'a> {
    pub(super) hub: &'a str,
    pub(super) partition: PartitionId,
    pub(super) options: &'a ReceiveOptions,
    /// One of [`filters_of`] the start.
    pub(super) filter: &'a str,
}

impl AttachRequest<'_> {
    /// Appends the Begin of a session and the Attach of its link. Both go out at once, without a round trip between.
    pub(super) fn write(&self, window: &SessionWindow, out: &mut Vec<u8>) {
        window.put_begin(HANDLE_MAX, out);
        let Self { hub, partition, options, filter } = self;
        let address = format!("{hub}/ConsumerGroups/{}/Partitions/{partition}", options.consumer_group);
        let name = format!("{}-{partition}-{}", options.name, uuid::Uuid::new_v4().simple());
        let [filter, capabilities, properties] = [
            filter_set(filter),
            encode_to_vec(|out| out.symbols(&[RUNTIME_METRIC, GEO_REPLICATION])),
            link_properties(options),
        ];
        let attach = Attach {
            name: &name,
            handle: HANDLE,
            role: Role::Receiver,
            snd_settle_mode: Some(SND_SETTLED),
            rcv_settle_mode: Some(RCV_SETTLE_FIRST),
            source: Some(Source { address: Some(&address), filter: Some(&filter) }),
            target: Some(Target { address: Some(&options.name) }),
            desired_capabilities: Some(&capabilities),
            properties: Some(&properties),
            ..Attach::default()
        };
        put_frame(out, window.channel(), |out| attach.encode(out));
    }
}

/// The filters that select the start, best first: the hub may refuse one.
pub(super) fn filters_of(start: &Start) -> Vec<String> {
    let after_number = |number: SequenceNumber| format!("amqp.annotation.{SEQUENCE_NUMBER} > '{number}'");
    match start {
        Start::Earliest => vec![format!("amqp.annotation.{OFFSET} > '-1'")],
        // The event's message had no usable offset.
        Start::After { offset, sequence_number } if offset.is_unknown() => {
            vec![after_number(*sequence_number)]
        }
        Start::After { offset, sequence_number } => {
            vec![format!("amqp.annotation.{OFFSET} > '{offset}'"), after_number(*sequence_number)]
        }
        Start::AfterSequence(number) => vec![after_number(*number)],
        Start::EnqueuedAfter(time) => vec![format!("amqp.annotation.{ENQUEUED_TIME} > '{time}'")],
    }
}

fn filter_set(filter: &str) -> Vec<u8> {
    encode_to_vec(|out| {
        out.map(|map| {
            map.symbol(SELECTOR);
            map.described_by(SELECTOR_CODE, |out| out.string(filter));
        });
    })
}

fn link_properties(options: &ReceiveOptions) -> Vec<u8> {
    encode_to_vec(|out| {
        out.map(|map| {
            map.symbol(RECEIVER_NAME);
            map.string(&options.name);
            if let Some(level) = options.owner_level {
                map.symbol(EPOCH);
                map.long(level);
            }
        });
    })
}

/// Our handle of a session's link.
pub(super) const HANDLE: u32 = 0;
/// Highest handle: a request link is a pair of links, and no session has more.
pub(super) const HANDLE_MAX: u32 = 1;
/// Transfers we may send: requests, one at a time. Events are not sent on this connection.
pub(super) const OUTGOING_WINDOW: u32 = 100;
/// Receiver settles first: deliveries need no second disposition.
const RCV_SETTLE_FIRST: u8 = 0;
