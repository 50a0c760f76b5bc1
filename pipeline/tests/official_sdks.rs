//! The official SDKs of Python and JavaScript against the hub: it takes all that they send, and a reader gets it
//! unchanged.
//!
//! `tests/python/sdk` and `tests/node/sdk` have the checks, one file per subject.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/node.rs"]
mod node;
#[path = "support/python.rs"]
mod python;
#[path = "support/sdk.rs"]
mod sdk;

use std::time::Duration;

use catchwater::internals::emulator::{Config, Emulator};
use sdk::{Sdk, Transport};

/// Runs the checks of some subjects against a fresh hub.
async fn check(sdk: Sdk, partitions: u32, subjects: &[&str]) {
    check_with(sdk, Transport::Plain.config(partitions), subjects, |_| ()).await;
}

/// The checks of both SDKs that differ by transport: large and small events in each direction, errors, waiting.
async fn check_over(transport: Transport) {
    let python = [
        "asynchronous",
        "management",
        "readers.a_higher_or_equal_owner_level_displaces",
        "receiving.readers_start_at_the_requested_position",
        "sending.batches_up_to_the_limit_arrive",
        "sending.every_kind_of_event_arrives_unchanged",
    ];
    check_with(Sdk::Python, transport.config(32), &python, |_| ()).await;
    check_with(Sdk::JavaScript, transport.config(32), &["sending", "receiving"], |_| ()).await;
}

async fn check_with(sdk: Sdk, config: Config, subjects: &[&str], prepare: impl FnOnce(&Emulator)) {
    let hub = Emulator::start(config).await.unwrap();
    prepare(&hub);
    sdk.check(&hub, subjects, &[]).await;
    hub.shutdown().await;
}

#[tokio::test]
async fn python_sends_and_receives() {
    check(Sdk::Python, 32, &["sending", "receiving"]).await;
}

#[tokio::test]
async fn python_reads_with_owner_levels_and_asks_for_properties() {
    check(Sdk::Python, 32, &["readers", "management"]).await;
}

#[tokio::test]
async fn python_sends_by_key_and_through_a_buffer() {
    check(Sdk::Python, 4, &["routing"]).await;
}

#[tokio::test]
async fn python_consumers_share_the_partitions() {
    check(Sdk::Python, 4, &["balancing"]).await;
}

#[tokio::test]
async fn asynchronous_python_sends_and_receives() {
    check(Sdk::Python, 32, &["asynchronous"]).await;
}

#[tokio::test]
async fn javascript_sends_and_receives() {
    check(Sdk::JavaScript, 32, &["sending", "receiving"]).await;
}

#[tokio::test]
async fn javascript_sends_by_key_and_through_a_buffer() {
    check(Sdk::JavaScript, 4, &["routing"]).await;
}

#[tokio::test]
async fn javascript_consumers_share_the_partitions() {
    check(Sdk::JavaScript, 4, &["balancing"]).await;
}

#[tokio::test]
async fn both_sdks_send_and_receive_over_tls() {
    check_over(Transport::Tls).await;
}

#[tokio::test]
async fn both_sdks_send_and_receive_over_websockets() {
    check_over(Transport::WebSocket).await;
}

#[tokio::test]
async fn both_sdks_send_and_receive_over_websockets_with_tls() {
    check_over(Transport::SecureWebSocket).await;
}

#[tokio::test]
async fn clients_go_on_after_a_lost_connection_and_a_pause() {
    for sdk in [Sdk::Python, Sdk::JavaScript] {
        let config = Config { partitions: 2, idle_timeout: Duration::from_secs(2), ..Config::default() };
        check_with(sdk, config, &["endurance"], |hub| hub.faults().drop_connection_after(100)).await;
    }
}
