//! Two runs on one hub, one lake and one consumer group: each displaces the other when it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use catchwater::internals::emulator::{Config, Emulator};
use catchwater::internals::generator::{Generator, Size};
use catchwater::internals::position::PartitionId;
use tokio::runtime::{Builder, Runtime};

use super::bed::Bed;
use super::faults::Faults;
use super::memory::Memory;
use super::plan::{BODIES, PARTITIONS, Plan, RATE};
use super::processes::{audit, catchwater, json};
use super::run::{Counts, Run};

#[test]
fn two_runs_that_displace_each_other_keep_each_event_once() {
    let Some(bed) = Bed::new("lake") else { return };
    let mut soak = Soak::start(bed, Plan::of(super::seconds()));
    println!("{HEADINGS}");
    soak.last_until_all_is_sent();
    soak.end();
}

struct Soak {
    bed: Bed,
    plan: Plan,
    hub: Emulator,
    runtime: Runtime,
    bodies: PathBuf,
    senders: Vec<Child>,
    runs: [Run; 2],
    faults: Faults,
    random: fastrand::Rng,
    began: Instant,
    /// Of the hub, which is in this process, a run, and a sender.
    memory: [Memory; 3],
}

impl Soak {
    fn start(bed: Bed, plan: Plan) -> Self {
        let bodies = bed.folder.path().join("bodies.ndjson");
        write_bodies(&bodies);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = Config { partitions: PARTITIONS, retention: Some(RETENTION), ..Config::default() };
        let hub = runtime.block_on(Emulator::start(config)).unwrap();
        let began = Instant::now();
        let senders =
            (0..PARTITIONS).map(|partition| sender(&hub, &bodies, partition, plan.length)).collect();
        let runs = [("one", 0), ("two", 1)].map(|(name, place)| {
            Run::new(name, &bed, began + plan.restart_after * place, plan.restart_after)
        });
        Self {
            bed,
            plan,
            hub,
            runtime,
            bodies,
            senders,
            runs,
            faults: Faults::new(17),
            random: fastrand::Rng::with_seed(17),
            began,
            memory: [("hub", HUB_LIMIT), ("run", RUN_LIMIT), ("sender", SENDER_LIMIT)]
                .map(|(name, limit)| Memory::new(name, limit)),
        }
    }

    /// Lets faults and strikes happen at their times until the senders have ended.
    fn last_until_all_is_sent(&mut self) {
        let mut next_fault = self.began + self.plan.fault_every;
        let mut next_strike = self.began + self.plan.strike_every / 2;
        let mut next_look = self.began;
        let mut next_line = self.began + LINE_EVERY;
        while !self.all_sent() {
            let now = Instant::now();
            assert!(now < self.began + self.plan.length + GRACE, "the senders take too long");
            for run in &mut self.runs {
                run.tick(&self.bed.lake, &self.hub.connection_string());
            }
            if now >= next_fault {
                next_fault = now + self.plan.fault_every;
                // Some faults end at a time, on the runtime of the hub.
                let _entered = self.runtime.enter();
                self.faults.strike(&self.hub, self.plan.fault_every);
            }
            if now >= next_strike && self.strike() {
                next_strike += self.plan.strike_every;
            }
            if now >= next_look {
                next_look += LOOK_EVERY;
                self.look(now);
            }
            if now >= next_line {
                next_line += LINE_EVERY;
                println!("{}", self.line());
            }
            std::thread::sleep(TICK);
        }
        println!("{}", self.line());
    }

    /// Drains what runs, lets a bounded run read the rest, and checks memory and lake.
    fn end(mut self) {
        for run in &mut self.runs {
            run.end();
        }
        let (lake, to) = (self.bed.lake.to_str().unwrap(), self.hub.connection_string());
        let rest = ["run", "--json", "--lanes", "1", "--until", "caught-up", "--lake", lake];
        let rest = json(&[&rest[..], &["--connection-string", &to]].concat());
        let counts = self.counts();
        self.print_table(&rest["rows"].to_string());
        let events = RATE * self.plan.length.as_secs();
        for partition in 0..PARTITIONS {
            let last = self.hub.partition(PartitionId::new(partition)).unwrap().last.get();
            assert_eq!(last + 1, events as i64, "events of partition {partition} in the hub");
        }
        let report = audit(&self.bed.lake);
        let total = u64::from(PARTITIONS) * events;
        assert_eq!(
            (report["events"].as_u64(), report["rows"].as_u64()),
            (Some(total), Some(total)),
            "{report}"
        );
        let script = format!("soaked.py {PARTITIONS} {events}");
        self.bed.check(&script, &[&self.bed.printed(), &self.bodies]);
        self.memory.iter().for_each(Memory::check);
        assert!(counts.displaced >= 1 && counts.killed + counts.stopped >= 1, "{counts:?}");
        assert!(self.faults.struck.values().sum::<u64>() >= 6, "{:?}", self.faults);
    }

    fn all_sent(&mut self) -> bool {
        self.senders.iter_mut().all(|sender| match sender.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "a sender ended with {status}");
                true
            }
            None => false,
        })
    }

    /// Kills or stops a live run; returns false if both are down.
    fn strike(&mut self) -> bool {
        let (first, kill) = (self.random.usize(..2), self.random.bool());
        [first, 1 - first].into_iter().any(|place| self.runs[place].strike(kill, self.plan.pause))
    }

    fn look(&mut self, now: Instant) {
        let part = (now - self.began).div_duration_f64(self.plan.length);
        let [hub, run, sender] = &mut self.memory;
        hub.look(std::process::id(), part);
        for process in self.runs.iter().filter_map(Run::process) {
            run.look(process, part);
        }
        for process in &self.senders {
            sender.look(process.id(), part);
        }
    }

    fn counts(&self) -> Counts {
        let [one, two] = [self.runs[0].counts, self.runs[1].counts];
        Counts {
            started: one.started + two.started,
            displaced: one.displaced + two.displaced,
            killed: one.killed + two.killed,
            stopped: one.stopped + two.stopped,
        }
    }

    fn sent(&self) -> i64 {
        let last = |partition| self.hub.partition(PartitionId::new(partition)).unwrap().last.get();
        (0..PARTITIONS).map(|partition| last(partition) + 1).sum()
    }

    fn line(&self) -> String {
        let Counts { started, displaced, killed, stopped } = self.counts();
        let faults: u64 = self.faults.struck.values().sum();
        let [hub, run, sender] = [0, 1, 2].map(|place| self.memory[place].last >> 20);
        format!(
            "{:>7} {:>9} {faults:>7} {started:>7} {displaced:>9} {killed:>7} {stopped:>7} {hub:>7} {run:>7} {sender:>7}",
            self.began.elapsed().as_secs(),
            self.sent(),
        )
    }

    fn print_table(&self, rest: &str) {
        println!(
            "\n{} events, {rest} of them read by the last run\n\nfault                             times",
            self.sent()
        );
        for (kind, times) in &self.faults.struck {
            println!("{kind:<33} {times:>5}");
        }
        println!("\nprocess  peak MiB by third of the time   limit");
        for memory in &self.memory {
            let [one, two, three] = memory.peaks.map(|bytes| bytes >> 20);
            println!("{:<8} {one:>10} {two:>6} {three:>6} {:>15}", memory.name, memory.limit >> 20);
        }
    }
}

impl Drop for Soak {
    fn drop(&mut self) {
        for sender in &mut self.senders {
            // It may have ended by itself.
            drop(sender.kill());
            drop(sender.wait());
        }
    }
}

fn sender(hub: &Emulator, bodies: &Path, partition: u32, length: Duration) -> Child {
    let [partition, rate, events] =
        [u64::from(partition), RATE, RATE * length.as_secs()].map(|number| number.to_string());
    let (bodies, to) = (bodies.to_str().unwrap(), hub.connection_string());
    let arguments = [
        "send",
        "--json",
        "--files",
        bodies,
        "--partition",
        &partition,
        "--rate",
        &rate,
        "--events",
        &events,
        "--connection-string",
        &to,
    ];
    catchwater(&arguments).stdout(Stdio::null()).spawn().unwrap()
}

fn write_bodies(path: &Path) {
    let mut generator = Generator::new(17, Size::Small);
    let mut bodies = Vec::new();
    for _ in 0..BODIES {
        generator.next(&mut bodies);
        bodies.push(b'\n');
    }
    fs::write(path, bodies).unwrap();
}

const HEADINGS: &str =
    "seconds    events  faults  starts displaced  killed stopped hub MiB run MiB sender MiB";

/// Time between two looks at the runs.
const TICK: Duration = Duration::from_millis(50);
/// Time between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Time between two lines for people.
const LINE_EVERY: Duration = Duration::from_mins(1);
/// Time in which a busy machine sends what is left.
const GRACE: Duration = Duration::from_mins(2);
/// Time for which the hub keeps an event: longer than the runs can be behind.
const RETENTION: Duration = Duration::from_mins(3);

/// Of the test's process, bytes: the events of the retention, about 2.5 KB each, and both soaks.
const HUB_LIMIT: u64 = 512 << 20;
/// Of a run, bytes: its budget, a third more for the allocator, and the program.
const RUN_LIMIT: u64 = 256 << 20;
/// Of a sender, bytes: it holds the bodies once and a batch.
const SENDER_LIMIT: u64 = 128 << 20;
