//! Questions to the management node, against a hub that answers in ways of its own.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::timeout;

use super::peer::{Manners, Peer};
use crate::eventhubs::timeouts::Timeouts;
use crate::eventhubs::{Client, Error, ErrorKind};
use crate::position::PartitionId;

/// Asks about so many partitions at once; gives what the hub said of each.
async fn ask(client: &Client, partitions: u32) -> Result<Vec<i64>, Error> {
    let questions = (0..partitions).map(|id| client.partition(PartitionId(id)));
    let answers = timeout(Duration::from_secs(20), try_join_all(questions)).await;
    Ok(answers.expect("all of them are answered")?.iter().map(|answer| answer.last.0).collect())
}

#[tokio::test]
async fn questions_go_out_together_and_answers_may_come_in_any_order() {
    let peer = Peer::start_with(None, Manners { hold: 50, ..Manners::default() }).await;
    let client = peer.client().await;
    assert_eq!(ask(&client, 50).await.unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn more_questions_than_may_be_in_flight_are_all_answered() {
    let peer = Peer::start_with(None, Manners::default()).await;
    let client = peer.client().await;
    assert_eq!(ask(&client, 1_000).await.unwrap(), (0..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_busy_hub_is_asked_again() {
    let peer = Peer::start_with(None, Manners { is_busy: true, ..Manners::default() }).await;
    let mut client = peer.client().await;
    client.timeouts = Timeouts { busy_delay: Duration::from_millis(5), ..Timeouts::DEFAULT };
    assert_eq!(ask(&client, 100).await.unwrap(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_question_has_its_timeout() {
    let peer = Peer::start_with(None, Manners { hold: 3, ..Manners::default() }).await;
    let mut client = peer.client().await;
    client.timeouts = Timeouts { response: Duration::from_millis(200), ..Timeouts::DEFAULT };
    let error = ask(&client, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(error.to_string().contains("no response from $management"), "{error}");
    // Responses to abandoned requests have no caller.
    assert_eq!(client.partition(PartitionId(7)).await.unwrap().last.0, 7);
}

#[tokio::test]
async fn links_that_the_hub_ends_are_opened_again() {
    let peer = Peer::start_with(None, Manners { detach_behind: Some(2), ..Manners::default() }).await;
    let client = peer.client().await;
    assert_eq!(client.partition(PartitionId(1)).await.unwrap().last.0, 1);
    // The one that the detach finds in flight may fail; the next ones don't.
    let opened = async {
        while client.partition(PartitionId(2)).await.is_err() {}
        client.partition(PartitionId(3)).await
    };
    let answer = timeout(Duration::from_secs(20), opened).await.expect("the links are opened again");
    assert_eq!(answer.unwrap().last.0, 3);
}
