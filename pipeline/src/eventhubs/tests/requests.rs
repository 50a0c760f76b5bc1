//! Requests to the management node, against a scripted hub.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::timeout;

use super::peer::{Behavior, Peer};
use crate::clock::SystemClock;
use crate::eventhubs::timeouts::Timeouts;
use crate::eventhubs::{Client, Error, ErrorKind};
use crate::position::PartitionId;

/// Requests the properties of `partitions` partitions at once; returns their last sequence numbers.
async fn last_numbers(client: &Client, partitions: u32) -> Result<Vec<i64>, Error> {
    let requests = (0..partitions).map(|id| client.partition(PartitionId::new(id)));
    let responses = timeout(Duration::from_secs(20), try_join_all(requests)).await;
    Ok(responses.expect("all requests are answered")?.iter().map(|partition| partition.last.get()).collect())
}

#[tokio::test]
async fn requests_run_concurrently_and_responses_match_in_any_order() {
    // As many as share a connection.
    let peer = Peer::start_with(None, Behavior { hold: 32, ..Behavior::default() }).await;
    let client = peer.client();
    assert_eq!(last_numbers(&client, 32).await.unwrap(), (0..32).collect::<Vec<_>>());
}

#[tokio::test]
async fn requests_beyond_the_in_flight_limit_are_all_answered() {
    let peer = Peer::start_with(None, Behavior::default()).await;
    let client = peer.client();
    assert_eq!(last_numbers(&client, 1_000).await.unwrap(), (0..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn busy_hub_is_retried() {
    let peer = Peer::start_with(None, Behavior { is_busy: true, ..Behavior::default() }).await;
    let client = peer.client_with(
        Timeouts { busy_delay: Duration::from_millis(5), ..Timeouts::DEFAULT },
        Arc::new(SystemClock),
    );
    assert_eq!(last_numbers(&client, 100).await.unwrap(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_request_has_its_timeout() {
    let peer = Peer::start_with(None, Behavior { hold: 3, ..Behavior::default() }).await;
    let client = peer.client_with(
        Timeouts { response: Duration::from_millis(200), ..Timeouts::DEFAULT },
        Arc::new(SystemClock),
    );
    let error = last_numbers(&client, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(error.to_string().contains("no response from $management"), "{error}");
    // Later requests take another connection.
    assert_eq!(last_numbers(&client, 3).await.unwrap(), [0, 1, 2]);
}

#[tokio::test]
async fn links_are_reopened_after_the_hub_ended_them() {
    let peer = Peer::start_with(None, Behavior { detach_after: Some(2), ..Behavior::default() }).await;
    let client = peer.client();
    assert_eq!(client.partition(PartitionId::new(1)).await.unwrap().last.get(), 1);
    // A request in flight at the detach may fail; later ones don't.
    let opened = async {
        while client.partition(PartitionId::new(2)).await.is_err() {}
        client.partition(PartitionId::new(3)).await
    };
    let partition = timeout(Duration::from_secs(20), opened).await.expect("the links are reopened");
    assert_eq!(partition.unwrap().last.get(), 3);
}
