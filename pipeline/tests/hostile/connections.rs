//! Connections in numbers, slow ones, silent ones, and more than the process has file descriptors for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use catchwater::internals::amqp::SASL_HEADER;
use catchwater::internals::amqp::frames::put_frame;
use catchwater::internals::amqp::performatives::{Detach, Open};
use catchwater::internals::emulator::{Config, LinkTimeouts};
use serde_json::Value;

use super::Attacked;
use super::peer::{OPEN, Peer, handshake, honest_peer_sends_and_reads};

/// Times of the service, shortened.
const SHORT: LinkTimeouts =
    LinkTimeouts { first: Duration::from_millis(300), again: Duration::from_millis(500) };

#[test]
fn connection_without_a_link_is_closed() {
    let attacked = Attacked::with(Config { link_timeouts: SHORT, ..Config::default() });
    let text = Peer::open(attacked.address()).close_text();
    assert!(text.starts_with("amqp:connection:forced"), "{text}");
    assert!(text.contains("the allowed 300 milliseconds"), "{text}");
    attacked.has_recovered();
}

#[test]
fn connection_is_closed_after_its_last_link() {
    let attacked = Attacked::with(Config { link_timeouts: SHORT, ..Config::default() });
    let mut peer = Peer::open(attacked.address());
    peer.attach_sender(0, "events");
    // Longer than a connection may be without its first link.
    std::thread::sleep(SHORT.first * 2);
    peer.send_frame(|out| Detach { handle: 0, closed: true, error: None }.encode(out));
    let text = peer.close_text();
    assert!(text.contains("the allowed 500 milliseconds"), "{text}");
    attacked.has_recovered();
}

#[test]
fn silent_and_slow_peers_are_closed_in_every_phase_of_the_handshake() {
    let attacked = Attacked::with(Config { link_timeouts: SHORT, ..Config::default() });
    let bytes = handshake(&OPEN);
    for sent in [0, 4, 8, 30, bytes.len() - 40] {
        let mut peer = Peer::connect(attacked.address());
        peer.send(&bytes[..sent]);
        peer.is_ended();
    }
    let mut slow = Peer::connect(attacked.address());
    let mut sent = 0;
    while sent < bytes.len() && slow.send(&bytes[sent..=sent]) {
        std::thread::sleep(Duration::from_millis(30));
        sent += 1;
    }
    assert!(sent < bytes.len(), "a byte each 30 ms is too slow");
    attacked.has_recovered();
}

#[test]
fn huge_idle_timeout_of_a_peer_is_accepted() {
    let attacked = Attacked::new();
    for idle_time_out in [Some(0), Some(1), Some(u32::MAX)] {
        let mut peer = Peer::open_with(attacked.address(), &Open { idle_time_out, ..OPEN });
        peer.attach_sender(0, "events");
        peer.frame().unwrap();
    }
    attacked.has_recovered();
}

#[test]
fn ten_thousand_connections_one_after_the_other_leave_nothing_behind() {
    let attacked = Attacked::new();
    let (began, bytes) = (Instant::now(), handshake(&OPEN));
    for number in 0..10_000 {
        let mut stream = TcpStream::connect(attacked.address()).unwrap();
        match number % 100 {
            // Most leave without an answer, some with one; a few speak AMQP.
            0 => {
                stream.write_all(&bytes).unwrap();
                stream.read_exact(&mut [0; 100]).unwrap();
            }
            1..10 => {
                stream.write_all(&SASL_HEADER).unwrap();
                stream.read_exact(&mut [0; 8]).unwrap();
            }
            _ => {}
        }
    }
    println!("ten thousand connections: {:.1} s", began.elapsed().as_secs_f64());
    attacked.has_recovered();
}

#[test]
fn thousand_idle_connections_are_served_beside_an_honest_one() {
    allow_many_files();
    let attacked = Attacked::new();
    let began = Instant::now();
    let peers: Vec<Peer> = (0..1_000).map(|_| Peer::open(attacked.address())).collect();
    // Those of both ends: the buffers of the peers are in this process too.
    let grown = attacked.grown() / peers.len();
    println!("a thousand connections: {:.1} s, {} KiB each", began.elapsed().as_secs_f64(), grown >> 10);
    assert!(grown < 256 << 10, "{grown} bytes for each connection");
    honest_peer_sends_and_reads(attacked.address());
    drop(peers);
    attacked.has_recovered();
}

/// Raises the limit of open files as far as this process may: both ends of each connection are here.
fn allow_many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(hard > 2_200, "this test needs 2,200 open files, and the limit is {hard}");
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(2_200), hard).unwrap();
}

/// The hub in a process of its own, with few file descriptors.
#[test]
fn hub_out_of_file_descriptors_goes_on_when_connections_end() {
    let _alone = super::memory::run_alone();
    let command = format!("ulimit -n {FILES} && exec \"$0\" hub --listen 127.0.0.1:0 --json");
    let mut process = Command::new("sh")
        .args(["-c", &command, env!("CARGO_BIN_EXE_catchwater")])
        .env("CATCHWATER_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let object: Value = serde_json::from_str(&line).unwrap();
    let connection_string = object["connection_string"].as_str().unwrap();
    let host = connection_string.strip_prefix("Endpoint=sb://").unwrap().split(';').next().unwrap();
    let hub: SocketAddr = host.trim_end_matches('/').parse().unwrap();
    honest_peer_sends_and_reads(hub);
    let mut idle: Vec<Peer> = (0..FILES).map(|_| Peer::connect(hub)).collect();
    for peer in &mut idle {
        peer.send(&SASL_HEADER);
    }
    // The last ones wait in the system's queue. Each of the first has its answer.
    let answered = idle.iter_mut().map(|peer| u64::from(peer.is_answered())).sum::<u64>();
    assert!(answered > FILES / 2 && answered < FILES, "{answered} connections of {FILES}");
    drop(idle);
    honest_peer_sends_and_reads(hub);
    process.kill().unwrap();
    let output = process.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let warnings = log.matches("can't accept connections").count();
    assert_eq!(warnings, 1, "one line for the whole time:\n{log}");
}

/// Open files that the hub may have.
const FILES: u64 = 64;

impl Peer {
    /// Returns whether the hub answers within a moment.
    fn is_answered(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        self.stream.read_exact(&mut [0; 8]).is_ok()
    }
}

#[test]
fn frames_after_the_close_are_not_answered() {
    let attacked = Attacked::new();
    let mut peer = Peer::open(attacked.address());
    let mut frames = Vec::new();
    put_frame(&mut frames, 0, |out| OPEN.encode(out));
    for _ in 0..1000 {
        put_frame(&mut frames, 0, |out| OPEN.encode(out));
    }
    peer.send(&frames);
    assert!(peer.close_text().starts_with("amqp:illegal-state"));
    assert_eq!(peer.frame(), None);
    attacked.has_recovered();
}
