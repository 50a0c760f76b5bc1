//! A hub with a data folder, as a process: it is killed while it takes events, and its disk is full for a while. Each
//! event that it acknowledged is there once, in order, under the same numbers, and a run brings it into the lake once.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use catchwater::internals::budget::Budget;
use catchwater::internals::clock::SystemClock;
use catchwater::internals::eventhubs::{Client, ConnectionString, Distrust, ReceiveOptions, Sender, Start};
use catchwater::internals::generator::{Generator, Size};
use catchwater::internals::position::{Generation, PartitionId};
use processes::{audit, catchwater, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// Times that the hub is killed.
const ROUNDS: u64 = 5;

const PARTITIONS: u32 = 3;

/// Upper bound on everything that a busy machine does in one step.
const DEADLINE: Duration = Duration::from_mins(1);

/// The hub on a fixed port, with its data in a folder.
struct Hub {
    process: Child,
    connection_string: String,
}

impl Hub {
    fn start(port: u16, data: &Path) -> Self {
        Self::spawn(Self::command(port, data))
    }

    /// Starts a hub whose files can't be larger than 200 KiB, until the limit is removed.
    fn start_with_little_room(port: u16, data: &Path) -> Self {
        let hub = Self::command(port, data);
        let mut shell = Command::new("sh");
        // Without the signal, a write past the limit is an error, as on a full disk. The shell counts half kibibytes.
        shell.args(["-c", "ulimit -S -f 400; trap '' XFSZ; exec \"$@\"", "sh"]);
        shell.arg(hub.get_program()).args(hub.get_args()).stdin(Stdio::null());
        for (name, value) in hub.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        Self::spawn(shell)
    }

    fn remove_limit(&self) {
        let id = self.process.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status().unwrap();
        assert!(status.success());
    }

    fn command(port: u16, data: &Path) -> Command {
        let (listen, partitions) = (format!("127.0.0.1:{port}"), PARTITIONS.to_string());
        let arguments = ["hub", "--json", "--listen", &listen, "--partitions", &partitions, "--data"];
        let mut command = catchwater(&arguments);
        command.arg(data);
        command
    }

    fn spawn(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self { process, connection_string: object["connection_string"].as_str().unwrap().to_owned() }
    }

    async fn client(&self) -> Client {
        let access = ConnectionString::parse(&self.connection_string).unwrap();
        Client::connect(&access, "test", Arc::new(SystemClock)).await.unwrap()
    }

    /// Ends the process with SIGKILL.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// An event as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    number: i64,
    offset: String,
    enqueued_ms: i64,
    body: Vec<u8>,
}

/// The events that were sent to one partition in a round, in order.
#[derive(Debug, Default)]
struct Sent {
    acknowledged: Vec<Vec<u8>>,
    /// The events of the last batch, which the hub may have kept or not.
    unknown: Vec<Vec<u8>>,
}

/// Sends batches of one to five events until the hub is gone; returns those that it acknowledged, and the last.
fn send(mut sender: Sender, seed: u64, mut killed: watch::Receiver<()>) -> JoinHandle<Sent> {
    tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut generator = Generator::new(seed, Size::Small);
        let mut sent = Sent::default();
        loop {
            let count = random.usize(1..=5);
            let bodies = bodies(&mut generator, count);
            let batch: Vec<(&[u8], &str)> =
                bodies.iter().map(|body| (&body[..], "application/json")).collect();
            // The library may not notice for half a minute that the hub is gone.
            let is_accepted = tokio::select! {
                outcome = sender.send_batch(batch) => outcome.is_ok(),
                _ = killed.changed() => false,
            };
            if !is_accepted {
                sent.unknown = bodies;
                return sent;
            }
            sent.acknowledged.extend(bodies);
        }
    })
}

fn bodies(generator: &mut Generator, count: usize) -> Vec<Vec<u8>> {
    let body = |_| {
        let mut body = Vec::new();
        generator.next(&mut body);
        body
    };
    (0..count).map(body).collect()
}

/// Reads every event of a partition.
async fn read(client: &Client, partition: u32) -> Vec<Seen> {
    let id = PartitionId::new(partition);
    let last = client.partition(id).await.unwrap().last.get();
    let options = ReceiveOptions {
        consumer_group: "$Default".to_owned(),
        start: Start::Earliest,
        owner_level: None,
        name: "test".to_owned(),
        distrust: Distrust::default(),
    };
    let mut receiver = client.receive(id, options, Budget::new(64 << 20), 32 << 20).await.unwrap();
    let mut seen = Vec::new();
    while (seen.len() as i64) < last + 1 {
        let batch = timeout(DEADLINE, receiver.next_batch()).await.unwrap().unwrap();
        seen.extend(batch.iter().map(|event| Seen {
            number: event.sequence_number.get(),
            offset: event.offset.to_owned(),
            enqueued_ms: event.enqueued_time.get(),
            body: event.body.to_vec(),
        }));
    }
    receiver.close().await.unwrap();
    seen
}

/// Checks what a partition has against what it had before the last round, and what was sent in that round.
fn check(before: &[Seen], seen: &[Seen], sent: &Sent) {
    assert_eq!(&seen[..before.len()], before, "events of before keep number, offset, time and body");
    let numbers: Vec<i64> = seen.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (0..seen.len() as i64).collect::<Vec<_>>(), "numbers without gaps");
    let new: Vec<&[u8]> = seen[before.len()..].iter().map(|event| &event.body[..]).collect();
    let acknowledged = sent.acknowledged.len();
    assert!(new.len() >= acknowledged, "{} of {acknowledged} acknowledged events are there", new.len());
    assert_eq!(new[..acknowledged], sent.acknowledged, "acknowledged events are there in order");
    // The batch that was in flight is there as a whole or not at all.
    if new.len() > acknowledged {
        assert_eq!(new[acknowledged..], sent.unknown);
    }
    let offsets: Vec<u64> = seen.iter().map(|event| event.offset.parse().unwrap()).collect();
    assert!(offsets.is_sorted_by(|one, next| one < next), "offsets go up");
    assert!(seen.is_sorted_by_key(|event| event.enqueued_ms), "times go up");
}

/// Reads everything that the hub has into a lake; returns the number of new rows.
async fn catch_up(hub: &Hub, lake: &Path) -> u64 {
    let (connection_string, lake) = (hub.connection_string.clone(), lake.to_str().unwrap().to_owned());
    let run = move || {
        let until = ["run", "--json", "--until-caught-up", "--lake", &lake, "--connection-string"];
        json(&[&until[..], &[&connection_string]].concat())["rows"].as_u64().unwrap()
    };
    spawn_blocking(run).await.unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_hub_keeps_what_it_acknowledged_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (data, lake) = (folder.path().join("data"), folder.path().join("lake"));
    let port = free_port();
    let mut random = fastrand::Rng::new();
    let mut generation: Option<Generation> = None;
    let mut before: Vec<Vec<Seen>> = vec![Vec::new(); PARTITIONS as usize];
    let mut rows = 0;
    for round in 0..ROUNDS {
        let mut hub = Hub::start(port, &data);
        let (kill, killed) = watch::channel(());
        let senders = start_senders(&hub, round, &killed).await;
        // The moment does not matter: each is a moment at which a machine may end the process.
        tokio::time::sleep(Duration::from_millis(random.u64(20..250))).await;
        hub.kill();
        drop(kill);
        let hub = Hub::start(port, &data);
        let client = hub.client().await;
        let created = client.hub().await.unwrap().generation;
        assert_eq!(*generation.get_or_insert(created), created, "the hub is the one of before");
        let mut acknowledged = 0;
        for (partition, sender) in (0..).zip(senders) {
            let sent = timeout(DEADLINE, sender).await.unwrap().unwrap();
            acknowledged += sent.acknowledged.len();
            let seen = read(&client, partition).await;
            check(&before[partition as usize], &seen, &sent);
            before[partition as usize] = seen;
        }
        client.close().await;
        println!("round {round}: {acknowledged} events acknowledged");
        if round == 0 || round + 1 == ROUNDS {
            rows += catch_up(&hub, &lake).await;
        }
    }
    let events: usize = before.iter().map(Vec::len).sum();
    let bodies: HashSet<&[u8]> = before.iter().flatten().map(|event| &event.body[..]).collect();
    assert_eq!(bodies.len(), events, "no event is there a second time");
    assert_eq!(rows, events as u64, "each event is in the lake once");
    let audited = spawn_blocking(move || audit(&lake)).await.unwrap();
    assert_eq!(audited["rows"], events, "{audited}");
}

/// Starts one sender for each partition.
async fn start_senders(hub: &Hub, round: u64, killed: &watch::Receiver<()>) -> Vec<JoinHandle<Sent>> {
    let client = hub.client().await;
    let mut senders = Vec::new();
    for partition in 0..PARTITIONS {
        let seed = round * 100 + u64::from(partition) + 1;
        let sender = client.sender(Some(PartitionId::new(partition))).await.unwrap();
        senders.push(send(sender, seed, killed.clone()));
    }
    client.close().await;
    senders
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_without_room_rejects_events_and_takes_them_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let (data, port) = (folder.path().join("data"), free_port());
    let mut hub = Hub::start_with_little_room(port, &data);
    let client = hub.client().await;
    let mut generator = Generator::new(1, Size::Small);
    let mut sent = Sent::default();
    let refused = loop {
        let mut sender = client.sender(Some(PartitionId::new(0))).await.unwrap();
        let bodies = bodies(&mut generator, 20);
        let batch: Vec<(&[u8], &str)> = bodies.iter().map(|body| (&body[..], "application/json")).collect();
        match timeout(DEADLINE, sender.send_batch(batch)).await.unwrap() {
            Ok(_) => sent.acknowledged.extend(bodies),
            Err(error) => break format!("{error:?}"),
        }
        sender.close().await.unwrap();
    };
    assert!(refused.contains("disk is full") && refused.contains("Free space"), "{refused}");
    let acknowledged = sent.acknowledged.len();
    assert!(acknowledged > 0, "there was room at first");
    let seen = read(&client, 0).await;
    assert_eq!(seen.len(), acknowledged, "a reader gets nothing of the refused batch");

    hub.remove_limit();
    let mut sender = client.sender(Some(PartitionId::new(0))).await.unwrap();
    let later = bodies(&mut generator, 20);
    let batch: Vec<(&[u8], &str)> = later.iter().map(|body| (&body[..], "application/json")).collect();
    timeout(DEADLINE, sender.send_batch(batch)).await.unwrap().unwrap();
    sent.acknowledged.extend(later);
    sender.close().await.unwrap();
    client.close().await;
    hub.kill();

    let hub = Hub::start(port, &data);
    let client = hub.client().await;
    check(
        &seen,
        &read(&client, 0).await,
        &Sent { acknowledged: sent.acknowledged.split_off(acknowledged), ..Sent::default() },
    );
    client.close().await;
}
