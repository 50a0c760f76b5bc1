//! Tests that need a real socket: wake-ups, idle timeouts, shutdown and restarts.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::READER;
use crate::amqp::frames::{Frame, FrameBuffer, put_frame, put_sasl_frame};
use crate::amqp::performatives::{Attach, Begin, Detach, Flow, Open, Performative, Role, Source, Target};
use crate::amqp::sasl::{Init, encode_init};
use crate::amqp::{AMQP_HEADER, SASL_HEADER, condition};
use crate::clock::ManualClock;
use crate::clock::UnixMillis;
use crate::emulator::{Config, Emulator, NewEvent};
use crate::position::{Generation, PartitionId, SequenceNumber};

/// Longer than any test here takes, so that a hanging one fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

struct RawClient {
    stream: TcpStream,
    input: FrameBuffer,
}

impl RawClient {
    /// Opens a connection with an idle timeout, and begins session 0.
    async fn open(hub: &Emulator, idle_time_out: Option<u32>) -> Self {
        let mut stream = TcpStream::connect(hub.address()).await.unwrap();
        let mut out = SASL_HEADER.to_vec();
        let initial_response = b"\0RootManageSharedAccessKey\0SAS_KEY_VALUE";
        put_sasl_frame(&mut out, |out| {
            encode_init(&Init { mechanism: "PLAIN", initial_response }, "localhost", out);
        });
        out.extend(AMQP_HEADER);
        put_frame(&mut out, 0, |out| {
            Open { container_id: "raw", idle_time_out, ..Open::default() }.encode(out);
        });
        let begin = Begin { incoming_window: 5000, outgoing_window: 5000, ..Begin::default() };
        put_frame(&mut out, 0, |out| begin.encode(out));
        stream.write_all(&out).await.unwrap();
        let mut client = Self { stream, input: FrameBuffer::new(65_536) };
        client.fill(8).await;
        client.input.next_header().unwrap();
        for _ in 0..2 {
            client.frame().await;
        }
        client.fill(8).await;
        client.input.next_header().unwrap();
        for _ in 0..2 {
            client.frame().await;
        }
        client
    }

    async fn attach_reader(&mut self, credit: u32) {
        let attach = Attach {
            name: "reader",
            role: Role::Receiver,
            source: Some(Source { address: Some(READER), filter: None }),
            target: Some(Target { address: Some("here") }),
            ..Attach::default()
        };
        let flow =
            Flow { incoming_window: 5000, handle: Some(0), link_credit: Some(credit), ..Flow::default() };
        let mut out = Vec::new();
        put_frame(&mut out, 0, |out| attach.encode(out));
        put_frame(&mut out, 0, |out| flow.encode(out));
        self.stream.write_all(&out).await.unwrap();
    }

    async fn attach_publisher(&mut self) {
        let attach = Attach {
            name: "publisher",
            role: Role::Sender,
            source: Some(Source { address: Some("here"), filter: None }),
            target: Some(Target { address: Some("events") }),
            initial_delivery_count: Some(0),
            ..Attach::default()
        };
        let mut out = Vec::new();
        put_frame(&mut out, 0, |out| attach.encode(out));
        self.stream.write_all(&out).await.unwrap();
    }

    /// Returns the condition of the next frame, a Detach.
    async fn detach_condition(&mut self) -> String {
        let frame = self.frame().await;
        match Performative::decode(&frame.body).unwrap().0 {
            Performative::Detach(Detach { error: Some(error), .. }) => error.condition.to_owned(),
            other => panic!("{other:?} is not a Detach"),
        }
    }

    async fn fill(&mut self, bytes: usize) {
        while self.input.space().len() < bytes {
            assert!(self.read().await > 0, "the hub closed the connection");
        }
    }

    async fn read(&mut self) -> usize {
        timeout(TEST_TIMEOUT, self.stream.read_buf(self.input.space())).await.unwrap().unwrap()
    }

    /// Returns the next frame; `None` after the hub has closed the connection.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.input.next_frame().unwrap() {
                return Some(frame);
            }
            if self.read().await == 0 {
                return None;
            }
        }
    }

    async fn frame(&mut self) -> Frame {
        self.next().await.unwrap()
    }

    /// Returns the condition of the next frame, a Close.
    async fn close_condition(&mut self) -> String {
        let frame = self.frame().await;
        match Performative::decode(&frame.body).unwrap().0 {
            Performative::Close(Some(error)) => error.condition.to_owned(),
            other => panic!("{other:?} is not a Close"),
        }
    }
}

fn event(body: &[u8]) -> NewEvent<'_> {
    NewEvent { body, ..NewEvent::default() }
}

#[tokio::test]
async fn append_wakes_an_idle_reader() {
    let hub = Emulator::start(Config::default()).await.unwrap();
    let mut client = RawClient::open(&hub, None).await;
    client.attach_reader(100).await;
    assert!(matches!(Performative::decode(&client.frame().await.body).unwrap().0, Performative::Attach(_)));
    for number in 0..10 {
        assert_eq!(hub.append(PartitionId::new(0), &event(b"x")).unwrap(), SequenceNumber::new(number));
        let frame = client.frame().await;
        assert!(matches!(Performative::decode(&frame.body).unwrap().0, Performative::Transfer(_)));
    }
    hub.shutdown().await;
}

#[tokio::test]
async fn idle_hub_sends_heartbeats() {
    let hub = Emulator::start(Config::default()).await.unwrap();
    let mut client = RawClient::open(&hub, Some(50)).await;
    for _ in 0..3 {
        assert_eq!(client.frame().await.body.len(), 0, "a heartbeat");
    }
    hub.shutdown().await;
}

#[tokio::test]
async fn idle_peer_is_closed() {
    let config = Config { idle_timeout: Duration::from_millis(50), ..Config::default() };
    let hub = Emulator::start(config).await.unwrap();
    let mut client = RawClient::open(&hub, None).await;
    assert_eq!(client.close_condition().await, condition::CONNECTION_FORCED);
    assert!(client.next().await.is_none());
    hub.shutdown().await;
}

#[tokio::test]
async fn shutdown_closes_open_connections() {
    let hub = Emulator::start(Config::default()).await.unwrap();
    let mut client = RawClient::open(&hub, None).await;
    let (closed, ()) = tokio::join!(
        async {
            let closed = client.close_condition().await;
            drop(client);
            closed
        },
        hub.shutdown()
    );
    assert_eq!(closed, condition::CONNECTION_FORCED);
}

#[tokio::test]
async fn scripted_fault_drops_the_connection_after_the_event() {
    let hub = Emulator::start(Config::default()).await.unwrap();
    for _ in 0..10 {
        hub.append(PartitionId::new(0), &event(b"x")).unwrap();
    }
    hub.faults().drop_connection_after(4);
    let mut client = RawClient::open(&hub, None).await;
    client.attach_reader(100).await;
    let mut transfers = 0;
    while let Some(frame) = client.next().await {
        let performative = Performative::decode(&frame.body).unwrap().0;
        assert!(!matches!(performative, Performative::Close(_)), "dropped without a Close");
        transfers += u32::from(matches!(performative, Performative::Transfer(_)));
    }
    assert_eq!(transfers, 4);
    hub.shutdown().await;
}

#[tokio::test]
async fn detach_readers_detaches_with_a_reason() {
    let hub = Emulator::start(Config::default()).await.unwrap();
    let mut client = RawClient::open(&hub, None).await;
    client.attach_reader(100).await;
    client.frame().await;
    hub.detach_readers(PartitionId::new(0));
    let frame = client.frame().await;
    let Performative::Detach(detach) = Performative::decode(&frame.body).unwrap().0 else { panic!() };
    assert_eq!(detach.error.unwrap().condition, condition::DETACH_FORCED);
    hub.shutdown().await;
}

#[tokio::test]
async fn recreation_of_a_hub_detaches_idle_links_at_once() {
    let hub = Emulator::start(Config::default()).await.unwrap();
    let mut reader = RawClient::open(&hub, None).await;
    reader.attach_reader(100).await;
    reader.frame().await;
    let mut publisher = RawClient::open(&hub, None).await;
    publisher.attach_publisher().await;
    // The answer, and credit.
    publisher.frame().await;
    publisher.frame().await;
    let before = hub.generation();
    hub.hub("EVENTS").unwrap().recreate().unwrap();
    assert_eq!(reader.detach_condition().await, condition::DETACH_FORCED);
    assert_eq!(publisher.detach_condition().await, condition::DETACH_FORCED);
    assert!(hub.generation() > before);
    hub.shutdown().await;
}

#[tokio::test]
async fn data_folder_keeps_generation_and_numbers_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = |now| Config {
        data: Some(folder.path().join("hub")),
        clock: Arc::new(ManualClock::at(now)),
        ..Config::default()
    };
    let hub = Emulator::start(config(UnixMillis::new(1000))).await.unwrap();
    for number in 0..3 {
        assert_eq!(hub.append(PartitionId::new(2), &event(b"x")).unwrap(), SequenceNumber::new(number));
    }
    let before = hub.partition(PartitionId::new(2)).unwrap();
    hub.shutdown().await;

    let hub = Emulator::start(config(UnixMillis::new(500))).await.unwrap();
    assert_eq!(hub.generation(), Generation::new(UnixMillis::new(1000)));
    assert_eq!(hub.partition(PartitionId::new(2)).unwrap(), before);
    assert_eq!(hub.append(PartitionId::new(2), &event(b"x")).unwrap(), SequenceNumber::new(3));
    let after = hub.partition(PartitionId::new(2)).unwrap();
    assert_eq!(after.last_enqueued_time, UnixMillis::new(1000), "enqueued times never decrease");
    hub.shutdown().await;
}

#[tokio::test]
async fn only_the_connection_string_holds_the_key() {
    let config = Config { key: "secret".into(), ..Config::default() };
    assert!(!format!("{config:?}").contains("secret"));
    let hub = Emulator::start(config).await.unwrap();
    assert!(!format!("{hub:?}").contains("secret"));
    let port = hub.address().port();
    let expected = format!(
        "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=secret;\
         UseDevelopmentEmulator=true;EntityPath=events"
    );
    assert_eq!(hub.connection_string(), expected);
    hub.shutdown().await;
}
