//! The table *fault × step of a commit*: the real binary through a proxy that fails, and the lake afterwards.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::fault_proxy::{Fault, FaultProxy, Rule, Taken};
use crate::processes::{Hub, catchwater, output_text};
use crate::stores::{Server, StoreServer};

/// A step of a run, by its requests.
struct Step {
    name: &'static str,
    methods: &'static [&'static str],
    /// Part of the addresses of its requests.
    part: &'static str,
    /// Effect of each fault, in the order of [`FAULTS`].
    effects: [Effect; FAULTS.len()],
    /// A fault of an earlier request, without which the step does not take place.
    before: Option<(&'static [&'static str], &'static str, Fault)>,
}

/// The next request for the object after its fault. The run ends with exit code 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The same request again.
    Again,
    /// A read: the object decides.
    Read,
    /// No other: the answer arrived.
    Waits,
    /// The same request later, or none if it was the last one: the run goes on without the object.
    Optional,
}

impl Effect {
    fn text(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Read => "read",
            Self::Waits => "waits",
            Self::Optional => "optional",
        }
    }
}

/// The faults, with their names in the docs and the number of requests that they strike.
const FAULTS: [(&str, Fault, u32); 8] = [
    ("429", Fault::Status(429), 1),
    ("500", Fault::Status(500), 1),
    ("503, six times", Fault::Status(503), 6),
    ("hangs", Fault::Hang, 1),
    ("reset", Fault::Reset, 1),
    ("answer lost", Fault::AnswerLost, 1),
    ("slow", Fault::Slow, 1),
    ("throttled", Fault::Throttled, 1),
];

const PUT: &[&str] = &["PUT"];
const READ: &[&str] = &["GET", "HEAD"];

/// The steps of a run into a new lake, in their order.
fn steps(server: Server) -> [Step; 6] {
    use Effect::{Again, Optional, Read, Waits};
    let put_once = [Again, Again, Again, Read, Read, Read, Waits, Waits];
    let repeated = [Again, Again, Again, Again, Again, Again, Waits, Waits];
    let listing = if server == Server::Azurite { "comp=list" } else { "list-type=2" };
    let step = |name, methods, part, effects| Step { name, methods, part, effects, before: None };
    [
        step("listing at the start", READ, listing, repeated),
        step("lake id record", PUT, "lake.json", put_once),
        step("schema record", PUT, "/schema/", put_once),
        step("data file", PUT, ".cw.parquet", put_once),
        Step {
            before: Some((PUT, ".cw.parquet", Fault::AnswerLost)),
            ..step("footer read", READ, ".cw.parquet", repeated)
        },
        step(
            "checkpoint save",
            PUT,
            "/checkpoint",
            [Again, Again, Optional, Optional, Again, Optional, Waits, Waits],
        ),
    ]
}

/// Runs every cell on a server; prints the failing ones.
pub(crate) fn check(server: Server) {
    let Some(store) = StoreServer::start(server) else { return };
    let hub = Hub::start(1);
    let sent = hub.send("mixed", EVENTS, 1);
    let steps = steps(server);
    let cells: Vec<_> =
        steps.iter().flat_map(|step| (0..FAULTS.len()).map(move |fault| (step, fault))).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((step, fault)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cell = Cell { store: &store, hub: &hub, step, fault: *fault, sent };
                    if let Err(message) = cell.check() {
                        let name = FAULTS[*fault].0;
                        failed.lock().unwrap().push(format!("{} × {name}: {message}", step.name));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} cells on {server:?}:\n{}",
        failed.len(),
        cells.len(),
        failed.join("\n")
    );
}

struct Cell<'a> {
    store: &'a StoreServer,
    hub: &'a Hub,
    step: &'a Step,
    fault: usize,
    sent: u64,
}

impl Cell<'_> {
    fn check(&self) -> Result<(), String> {
        let (name, fault, times) = FAULTS[self.fault];
        let rule = |(methods, part, fault), times| Rule { methods, part, fault, times };
        let mut rules: Vec<_> = self.step.before.map(|before| rule(before, 1)).into_iter().collect();
        rules.push(rule((self.step.methods, self.step.part, fault), times));
        let proxy = FaultProxy::start(self.store.address, rules);
        let name = format!("cell {} {name}", self.step.name).replace([' ', ','], "-");
        let lake = Lake { store: self.store, hub: self.hub, name };
        json(&lake.run(&proxy))?;
        check_effect(&proxy.taken(), self.step, fault, self.step.effects[self.fault])?;
        lake.audit(self.sent)
    }
}

/// A lake in a store, and the hub that it is read from.
struct Lake<'a> {
    store: &'a StoreServer,
    hub: &'a Hub,
    name: String,
}

impl Lake<'_> {
    /// Runs until caught up, through a proxy. Consumer groups do not displace each other.
    fn run(&self, proxy: &FaultProxy) -> Output {
        self.command(proxy).output().unwrap()
    }

    fn command(&self, proxy: &FaultProxy) -> Command {
        let (lake, hub) = (self.store.lake(&self.name), &self.hub.connection_string);
        let mut command = catchwater(&["run", "--json", "--until-caught-up", "--lanes", "1"]);
        command.args(["--lake", &lake, "--consumer-group", &self.name, "--connection-string", hub]);
        command.envs(self.store.variables_at(proxy.address));
        // A request without an answer ends after this time instead of two minutes.
        command.env("AZURE_TIMEOUT", TIMEOUT).env("AWS_TIMEOUT", TIMEOUT);
        command
    }

    /// Checks that the lake has each event once.
    fn audit(&self, sent: u64) -> Result<(), String> {
        let mut command = catchwater(&["audit", "--json", "--lake", &self.store.lake(&self.name)]);
        let report = json(&command.envs(self.store.variables()).output().unwrap())?;
        let is_complete = report["events"] == sent && report["rows"] == sent;
        let faults = ["gaps", "duplicates", "broken_chains", "schema_faults", "in_flight"];
        let is_exact = is_complete && faults.iter().all(|fault| report[fault] == 0);
        is_exact.then_some(()).ok_or_else(|| format!("{sent} events were sent: {report}"))
    }
}

fn json(output: &Output) -> Result<Value, String> {
    if !output.status.success() {
        return Err(format!("{} {}", output.status, output_text(output)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", output_text(output)))
}

/// Checks an outage that outlasts the attempts: exit code 3, and the next run completes the lake.
pub(crate) fn check_outage(server: Server) {
    let Some(store) = StoreServer::start(server) else { return };
    let hub = Hub::start(1);
    let sent = hub.send("mixed", EVENTS, 1);
    let lake = Lake { store: &store, hub: &hub, name: "outage".into() };
    let outage = Rule { methods: PUT, part: ".cw.parquet", fault: Fault::Status(503), times: u32::MAX };
    let output = lake.run(&FaultProxy::start(store.address, vec![outage]));
    assert_eq!(output.status.code(), Some(3), "{}", output_text(&output));
    json(&lake.run(&FaultProxy::start(store.address, Vec::new()))).unwrap();
    lake.audit(sent).unwrap();
}

/// Checks a store that hangs while more events wait than memory may hold: they cost no memory, because the hub gets no
/// credit for them.
pub(crate) fn check_memory(server: Server) {
    let Some(store) = StoreServer::start(server) else { return };
    let hub = Hub::start(2);
    let sent = hub.send("large", LARGE_EVENTS, 1);
    let hang = Rule { methods: PUT, part: ".cw.parquet", fault: Fault::Hang, times: HANGS };
    let peak = [("plain", vec![]), ("hanging", vec![hang])].map(|(name, rules)| {
        let lake = Lake { store: &store, hub: &hub, name: name.to_owned() };
        let proxy = FaultProxy::start(store.address, rules);
        let mut command = lake.command(&proxy);
        let report = json(&command.args(["--budget", "16MiB"]).output().unwrap()).unwrap();
        lake.audit(sent).unwrap();
        report["peak_rss_bytes"].as_u64().unwrap()
    });
    let waiting = LARGE_EVENTS * LARGE_BYTES;
    println!("{waiting} bytes waited; peak memory without and with a hanging store: {peak:?}");
    assert!(peak[1] < peak[0] + waiting / 4, "{peak:?} for {waiting} bytes");
}

/// Events of [`check_memory`]: about a hundred megabytes.
const LARGE_EVENTS: u64 = 5000;

/// Size of a generated large event, at least.
const LARGE_BYTES: u64 = 15_000;

/// Puts that hang: all that may be in flight, three times in a row.
const HANGS: u32 = 12;

/// Compares the request after the last fault with the expected one.
fn check_effect(taken: &[Taken], step: &Step, fault: Fault, expected: Effect) -> Result<(), String> {
    let is_of_step = |taken: &Taken| step.methods.contains(&taken.method.as_str());
    let struck = taken.iter().rposition(|taken| taken.fault == Some(fault) && is_of_step(taken));
    let struck = struck.ok_or_else(|| format!("no request was struck: {}", summary(taken)))?;
    let path = &taken[struck].path;
    let next = taken[struck + 1..].iter().find(|taken| taken.path == *path);
    let effect = match next {
        _ if matches!(fault, Fault::Slow | Fault::Throttled) => Effect::Waits,
        Some(next) if !is_of_step(next) => Effect::Read,
        Some(_) if expected == Effect::Again => Effect::Again,
        _ => Effect::Optional,
    };
    if effect != expected {
        return Err(format!("{effect:?} and not {expected:?}: {:?} then {next:?}", taken[struck]));
    }
    Ok(())
}

/// The requests by method and file name.
fn summary(taken: &[Taken]) -> String {
    let mut counts = BTreeMap::new();
    for Taken { method, path, .. } in taken {
        *counts.entry(format!("{method} {path}")).or_insert(0) += 1;
    }
    format!("{counts:?}")
}

/// The table as the docs have it.
pub(crate) fn table() -> String {
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let names = FAULTS.iter().map(|(name, ..)| *name);
    let mut table = row(std::iter::once("step").chain(names).collect());
    table += &row(vec!["---"; FAULTS.len() + 1]);
    for step in steps(Server::Azurite) {
        let effects = step.effects.iter().map(|effect| effect.text());
        table += &row(std::iter::once(step.name).chain(effects).collect());
    }
    table
}

/// Events of the hub; every cell reads all of them.
const EVENTS: u64 = 60;

/// Cells at a time: each waits most of its time.
const WORKERS: usize = 6;

/// Longer than a slow or throttled request, on a busy machine too.
const TIMEOUT: &str = "2s";
