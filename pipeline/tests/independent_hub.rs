//! The receiver against a hub made of rhea, which shares no code with ours.
//!
//! The emulator uses the same AMQP code as the receiver, so both could make the same mistake.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/node.rs"]
mod node;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;

use catchwater::internals::amqp::map::AmqpMap;
use catchwater::internals::budget::Budget;
use catchwater::internals::clock::SystemClock;
use catchwater::internals::event::RawEvent;
use catchwater::internals::eventhubs::{Client, ConnectionString, Distrust, ReceiveOptions, Start};
use catchwater::internals::position::{PartitionId, SequenceNumber};
use tokio::task::spawn_blocking;

const EVENTS: i64 = 2_000;

/// The process of the hub; it ends when its standard input closes.
struct Hub {
    process: Child,
    port: u16,
}

impl Hub {
    fn start() -> Option<Self> {
        let mut command = node::script("hub.js")?;
        command.arg(EVENTS.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { process, port: line.trim().parse().unwrap() })
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Checks that an event is the n-th of the hub.
fn check(event: &RawEvent<'_>, n: i64) {
    assert_eq!(event.sequence_number, SequenceNumber::new(n));
    assert_eq!(event.offset, (n * 16).to_string(), "{n}");
    assert_eq!(event.enqueued_time.get(), 1_700_000_000_000 + n);
    assert_eq!(event.content_type, if n % 2 == 0 { "application/json" } else { "" }, "{n}");
    let len = if n % 100 == 7 { 300_000 } else { (n * 37) % 3_000 } as usize;
    assert_eq!(event.body, format!("{n}:{}", "x".repeat(len)).as_bytes(), "{n}");
    let mut properties = String::new();
    AmqpMap::new(event.encoded_properties).write_json(&mut properties);
    let expected =
        [format!(r#""text":"é{n}""#), format!(r#""number":{n}"#), format!(r#""flag":{}"#, n % 2 == 0)];
    assert!(expected.iter().all(|part| properties.contains(part)), "{n}: {properties}");
}

#[tokio::test]
async fn events_of_an_independent_hub_are_received_unchanged() {
    let Some(hub) = spawn_blocking(Hub::start).await.unwrap() else { return };
    let to = format!(
        "Endpoint=sb://127.0.0.1:{};SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;EntityPath=events",
        hub.port
    );
    let client =
        Client::connect(&ConnectionString::parse(&to).unwrap(), "test", Arc::new(SystemClock)).await.unwrap();
    let options = ReceiveOptions {
        consumer_group: "$Default".to_owned(),
        start: Start::Earliest,
        owner_level: None,
        name: "test".to_owned(),
        distrust: Distrust::default(),
    };
    // The budget holds only a few of the larger events, so credit runs out repeatedly.
    let mut receiver =
        client.receive(PartitionId::new(0), options, Budget::new(4 << 20), 2 << 20).await.unwrap();
    let mut seen = 0;
    while seen < EVENTS {
        for event in receiver.next_batch().await.unwrap().iter() {
            check(&event, seen);
            seen += 1;
        }
    }
    receiver.close().await.unwrap();
    client.close().await;
}
