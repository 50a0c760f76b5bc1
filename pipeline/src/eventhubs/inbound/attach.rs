//! Attaching the link that reads a partition: its source, its filter, its properties, as bytes.

use crate::amqp::encode::Encoder;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{Attach, Begin, Role, SND_SETTLED, Source, Target};
use crate::eventhubs::names::{
    EPOCH, GEO_REPLICATION, OFFSET, RECEIVER_NAME, RUNTIME_METRIC, SELECTOR, SELECTOR_CODE, SEQUENCE_NUMBER,
};
use crate::eventhubs::{ReceiveOptions, Start};
use crate::position::{PartitionId, SequenceNumber};

/// What one try to attach asks for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) hub: &'a str,
    pub(super) partition: PartitionId,
    pub(super) options: &'a ReceiveOptions,
    pub(super) filter: &'a str,
}

impl Wanted<'_> {
    /// Puts the begin of a session and the attach of its one link onto `out`, together: nothing has to be heard between.
    pub(super) fn put(&self, channel: u16, incoming_window: u32, out: &mut Vec<u8>) {
        put_begin(channel, incoming_window, out);
        let Self { hub, partition, options, filter } = self;
        let address = format!("{hub}/ConsumerGroups/{}/Partitions/{partition}", options.consumer_group);
        let name = format!("{}-{partition}-{}", options.name, uuid::Uuid::new_v4().simple());
        let [filter, capabilities, properties] = [
            filters(filter),
            encoded(|out| out.symbols(&[RUNTIME_METRIC, GEO_REPLICATION])),
            properties(options),
        ];
        let attach = Attach {
            name: &name,
            handle: HANDLE,
            role: Role::Receiver,
            snd_settle_mode: Some(SND_SETTLED),
            rcv_settle_mode: Some(FIRST),
            source: Some(Source { address: Some(&address), filter: Some(&filter) }),
            target: Some(Target { address: Some(&options.name) }),
            desired_capabilities: Some(&capabilities),
            properties: Some(&properties),
            ..Attach::default()
        };
        put_frame(out, channel, |out| attach.encode(out));
    }
}

/// Puts the begin of a session onto `out`.
pub(super) fn put_begin(channel: u16, incoming_window: u32, out: &mut Vec<u8>) {
    let begin = Begin {
        remote_channel: None,
        next_outgoing_id: 0,
        incoming_window,
        outgoing_window: OUTGOING_WINDOW,
        handle_max: Some(HANDLE_MAX),
        properties: None,
    };
    put_frame(out, channel, |out| begin.encode(out));
}

/// The filters to try, best first.
pub(super) fn filters_of(start: &Start) -> Vec<String> {
    let after_number = |number: SequenceNumber| format!("amqp.annotation.{SEQUENCE_NUMBER} > '{number}'");
    match start {
        Start::Earliest => vec![format!("amqp.annotation.{OFFSET} > '-1'")],
        // The message of that event had no usable offset.
        Start::After { offset, sequence_number } if offset.is_unknown() => {
            vec![after_number(*sequence_number)]
        }
        Start::After { offset, sequence_number } => {
            vec![format!("amqp.annotation.{OFFSET} > '{offset}'"), after_number(*sequence_number)]
        }
        Start::AfterSequence(number) => vec![after_number(*number)],
    }
}

fn filters(filter: &str) -> Vec<u8> {
    encoded(|out| {
        out.map(|map| {
            map.symbol(SELECTOR);
            map.described_by(SELECTOR_CODE, |out| out.string(filter));
        });
    })
}

fn properties(options: &ReceiveOptions) -> Vec<u8> {
    encoded(|out| {
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

fn encoded(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Encoder::new(&mut out));
    out
}

/// The handle of the one link of a session.
pub(super) const HANDLE: u32 = 0;
/// A pair of links to a node is the most that one of our sessions has.
const HANDLE_MAX: u32 = 1;
/// We send no events on this connection; a token now and then.
pub(super) const OUTGOING_WINDOW: u32 = 100;
/// The receiver settles first: nothing is settled twice.
const FIRST: u8 = 0;
