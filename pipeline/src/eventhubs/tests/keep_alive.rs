//! Keep-alive in both directions, against a scripted hub.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conformance::linked;
use super::either::Kind;
use super::peer::{ClientFrame, Peer, event};
use super::{numbers, read};
use crate::clock::{ManualClock, SystemClock, UnixMillis};
use crate::eventhubs::ErrorKind;
use crate::eventhubs::timeouts::Timeouts;

#[tokio::test]
async fn idle_timeout_ends_a_silent_connection_and_heartbeats_keep_ours() {
    let mut peer = Peer::start(Some(400)).await;
    let client = peer.client_with(
        Timeouts { idle: Duration::from_millis(1_500), ..Timeouts::DEFAULT },
        Arc::new(SystemClock),
    );
    let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    let began = Instant::now();
    let hub = async {
        let mut heartbeats = 0;
        loop {
            match link.next_frame().await {
                ClientFrame::Heartbeat => heartbeats += 1,
                ClientFrame::Disconnected => break heartbeats,
                _ => {}
            }
        }
    };
    let (error, heartbeats) = tokio::join!(async { receiver.next_batch().await.unwrap_err() }, hub);
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    assert!(error.to_string().contains("idle timeout"), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
    assert!(heartbeats >= 4, "{heartbeats} heartbeats in 1.5 s, for an idle timeout of 0.4 s");
}

#[tokio::test]
async fn heartbeats_keep_a_connection_whose_events_are_not_read() {
    let mut peer = Peer::start(Some(400)).await;
    let client = peer.client_with(
        Timeouts { idle: Duration::from_millis(600), ..Timeouts::DEFAULT },
        Arc::new(SystemClock),
    );
    let (mut receiver, mut link) = linked(Kind::Ours, &mut peer, &client).await;
    // A cancelled call gives credit. Then nothing is read.
    assert!(tokio::time::timeout(Duration::from_millis(20), receiver.next_batch()).await.is_err());
    link.credit().await;
    link.send(&event(0, b"before"), true, 60_000).await;
    let (began, mut heartbeats) = (Instant::now(), 0);
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    while began.elapsed() < Duration::from_millis(1_800) {
        tokio::select! {
            _ = pace.tick() => link.heartbeat().await,
            frame = link.next_frame() => match frame {
                ClientFrame::Heartbeat => heartbeats += 1,
                ClientFrame::Disconnected | ClientFrame::Close(_) => panic!("{frame:?}"),
                _ => {}
            },
        }
    }
    assert!(heartbeats >= 5, "{heartbeats} heartbeats in 1.8 s, for an idle timeout of 0.4 s");
    link.send(&event(1, b"after"), true, 60_000).await;
    assert_eq!(numbers(&read(&mut receiver, 2).await), [0, 1]);
}

#[tokio::test]
async fn suspended_machine_ends_the_connection_before_the_idle_timeout() {
    let clock = ManualClock::at(UnixMillis::new(1_700_000_000_000));
    let mut peer = Peer::start(None).await;
    let client = peer
        .client_with(Timeouts { idle: Duration::from_secs(4), ..Timeouts::DEFAULT }, Arc::new(clock.clone()));
    let (mut receiver, _link) = linked(Kind::Ours, &mut peer, &client).await;
    clock.advance(Duration::from_hours(8));
    let waiting = tokio::time::timeout(Duration::from_secs(40), receiver.next_batch());
    let error = waiting.await.expect("long before the idle timeout").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    assert!(error.to_string().contains("suspended for 28"), "{error}");
}
