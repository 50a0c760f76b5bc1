//! Hostile peers cost a connection: never the hub, never much memory, and never the other connections.
//!
//! Each test attacks a hub in this process over raw sockets. Afterwards an honest peer sends and reads, and the memory,
//! counted by the allocator, is what it was.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't be set up has to fail")]

mod connections; // many of them, slow ones and silent ones
mod floods; // links, deliveries and requests without an end
mod framing; // bytes that are not AMQP, and frames that lie
#[path = "../support/memory.rs"]
mod memory;
mod peer; // a peer that writes any bytes

use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use catchwater::internals::emulator::{Config, Emulator};
use tokio::runtime::{Builder, Runtime};

/// A hub in this process; one test at a time has one, because memory is counted for the whole process.
struct Attacked {
    hub: Option<Emulator>,
    runtime: Runtime,
    /// Bytes that the process holds when the hub has served one honest peer.
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Attacked {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let alone = memory::run_alone();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let hub = runtime.block_on(Emulator::start(config)).unwrap();
        peer::honest_peer_sends_and_reads(hub.address());
        let mut attacked = Self { hub: Some(hub), runtime, before: 0, _alone: alone };
        attacked.before = Self::settled();
        attacked
    }

    fn hub(&self) -> &Emulator {
        self.hub.as_ref().unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.hub().address()
    }

    /// Bytes that the process holds more than before the attack.
    fn grown(&self) -> usize {
        memory::held().saturating_sub(self.before)
    }

    /// Panics unless an honest peer is served, and the memory is given back.
    #[track_caller]
    fn has_recovered(self) {
        peer::honest_peer_sends_and_reads(self.address());
        let began = Instant::now();
        while self.grown() > SLACK {
            assert!(began.elapsed() < LIMIT, "{} bytes are not given back", self.grown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Held bytes once the connections of before have ended.
    fn settled() -> usize {
        let mut held = memory::held();
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = memory::held();
            if now == held {
                return held;
            }
            held = now;
        }
    }
}

impl Drop for Attacked {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.take() {
            self.runtime.block_on(hub.shutdown());
        }
    }
}

/// Growth that does not count, bytes: events of honest peers, and buffers of the runtime.
const SLACK: usize = 512 << 10;

/// Longer than the hub takes to end any connection.
const LIMIT: Duration = Duration::from_secs(30);
