//! The binary reads a hub made of rhea, which shares no code with ours, through the faults that the service has.
//!
//! The hub is `tests/node/judge.js`. Each test ends with the lake: each event once, in its table, with its content.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "scripts report the number of values that they compared")]

#[allow(dead_code, reason = "shared with tests that check in other ways")]
#[path = "support/bed.rs"]
mod bed;
#[allow(dead_code, reason = "shared with unit tests")]
#[path = "support/fronts.rs"]
mod fronts;
#[path = "support/judge.rs"]
mod judge;
#[path = "support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Output;
use std::time::{Duration, Instant};

use bed::Bed;
use fronts::{Authority, Front, Kind};
use judge::{Judge, connection_string, serve};
use processes::{catchwater, output_text};
use serde_json::{Value, json};

/// Events of each partition. The faults below come before the last ones.
const EVENTS: u64 = 2_500;

/// A fault of each kind that is over at once.
fn faults() -> Value {
    json!([
        {"after": 200, "kind": "detach"},
        {"after": 700, "kind": "session-end"},
        {"after": 1_200, "kind": "reset"},
        {"after": 1_800, "kind": "close"},
        {"after": 2_400, "kind": "stall"},
        {"after": 3_000, "kind": "lapse"},
        {"after": 3_600, "kind": "reset"},
        {"after": 4_200, "kind": "detach", "condition": "com.microsoft:operation-cancelled"},
    ])
}

/// The run of a bed's lake over a transport, with more options.
fn run(bed: &Bed, to: &str, options: &[&str]) -> Output {
    let mut command = catchwater(&["run", "--json", "--until-caught-up", "--lanes", "1"]);
    command.args(["--lake", bed.lake.to_str().unwrap(), "--connection-string", to]).args(options);
    command.output().unwrap()
}

#[track_caller]
fn report_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", output_text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs through all [`faults`] over a transport of the hub, directly or through a proxy.
#[track_caller]
fn check_faults(transport: &str, options: &[&str], has_proxy: bool) {
    let Some(bed) = Bed::new("lake") else { return };
    let authority = Authority::new();
    let ca_file = bed.folder.path().join("ca.pem");
    fs::write(&ca_file, authority.pem()).unwrap();
    let certificate = ["certificate.pem", "key.pem"].map(|name| bed.folder.path().join(name));
    let pem = authority.certificate(&["localhost"]);
    certificate.iter().zip([pem.0, pem.1]).for_each(|(path, pem)| fs::write(path, pem).unwrap());
    let more = json!({
        "listen": [transport], "certificate": {"cert": certificate[0], "key": certificate[1]}, "faults": faults(),
    });
    let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
    let has_tls = matches!(transport, "tls" | "wss");
    let to = connection_string(hub.port(transport), !has_tls);
    let mut options = options.to_vec();
    if has_tls {
        options.extend(["--ca-file", ca_file.to_str().unwrap()]);
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, hub.port(transport)));
    let proxy = has_proxy.then(|| Front::start(Kind::Proxy(None), address));
    let proxy_url = proxy.as_ref().map(|proxy| format!("http://{}", proxy.address));
    if let Some(url) = &proxy_url {
        options.extend(["--proxy", url]);
    }
    let report = report_of(&run(&bed, &to, &options));
    assert_eq!((&report["rows"], &report["caught_up"]), (&json!(hub.total()), &json!(true)), "{report}");
    assert!(report["links_lost"].as_u64() >= Some(7), "{report}");
    hub.check(&bed);
    let counts = hub.end();
    let faults = json!({"detach": 2, "session-end": 1, "reset": 2, "close": 1, "stall": 1, "lapse": 1});
    assert_eq!(counts["faults"], faults, "{counts}");
    let connections = counts["connections"][transport].as_u64().unwrap();
    assert!(connections >= 4, "{counts}");
    if let Some(proxy) = proxy {
        assert_eq!(proxy.requests().len() as u64, connections, "{:?}", proxy.requests());
    }
}

#[test]
fn every_event_is_read_once_through_faults_over_tcp() {
    check_faults("plain", &[], false);
}

#[test]
fn every_event_is_read_once_through_faults_over_tls() {
    check_faults("tls", &[], false);
}

#[test]
fn every_event_is_read_once_through_faults_over_websocket() {
    check_faults("ws", &["--transport", "websocket"], false);
}

#[test]
fn every_event_is_read_once_through_faults_over_websocket_and_tls() {
    check_faults("wss", &["--transport", "websocket"], false);
}

#[test]
fn every_event_is_read_once_through_faults_over_tls_and_a_proxy() {
    check_faults("tls", &[], true);
}

#[test]
fn every_event_is_read_once_through_faults_over_websocket_and_a_proxy() {
    check_faults("wss", &["--transport", "websocket"], true);
}

/// A hub that settles deliveries only once they are accepted, and whose oldest events are gone.
#[test]
fn deliveries_of_an_independent_hub_are_accepted() {
    let Some(bed) = Bed::new("lake") else { return };
    let faults = json!([{"after": 900, "kind": "detach"}, {"after": 3_000, "kind": "reset"}]);
    let more = json!({"settled": false, "first": 5_000, "faults": faults});
    let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
    let report = report_of(&run(&bed, &connection_string(hub.port("plain"), true), &[]));
    assert_eq!(report["rows"], hub.total(), "{report}");
    hub.check(&bed);
    hub.end();
}

/// The socket stays open, and not even an empty frame arrives: the connection is given up after a minute.
#[test]
fn silent_hub_is_noticed() {
    let Some(bed) = Bed::new("lake") else { return };
    let more = json!({"faults": [{"after": 900, "kind": "silence"}]});
    let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
    let output = run(&bed, &connection_string(hub.port("plain"), true), &["--idle-timeout", "5m"]);
    let report = report_of(&output);
    assert_eq!((&report["rows"], &report["caught_up"]), (&json!(hub.total()), &json!(true)), "{report}");
    hub.check(&bed);
    let counts = hub.end();
    assert_eq!(counts["connections"]["plain"], 2, "{counts} {}", output_text(&output));
}

/// Two attaches and two requests are refused.
#[test]
fn busy_hub_is_asked_again() {
    let Some(bed) = Bed::new("lake") else { return };
    let more = json!({"faults": [{"after": 900, "kind": "busy"}]});
    let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
    let output = run(&bed, &connection_string(hub.port("plain"), true), &[]);
    assert_eq!(report_of(&output)["rows"], hub.total());
    assert!(output_text(&output).contains("Please wait 4 seconds"), "{}", output_text(&output));
    assert!(output_text(&output).contains("TrackingId:"), "{}", output_text(&output));
    hub.check(&bed);
    hub.end();
}

#[test]
fn stolen_partition_ends_the_run_and_the_next_run_goes_on() {
    let Some(bed) = Bed::new("lake") else { return };
    let more = json!({"faults": [{"after": 900, "kind": "stolen"}]});
    let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
    let to = connection_string(hub.port("plain"), true);
    let output = run(&bed, &to, &[]);
    assert_eq!(output.status.code(), Some(6), "{}", output_text(&output));
    // The other reader leaves after a second.
    let began = Instant::now();
    let next = loop {
        let output = run(&bed, &to, &[]);
        if output.status.success() {
            break report_of(&output);
        }
        assert_eq!(output.status.code(), Some(6), "{}", output_text(&output));
        assert!(began.elapsed() < DEADLINE, "{}", output_text(&output));
    };
    assert_eq!(next["caught_up"], true, "{next}");
    hub.check(&bed);
    hub.end();
}

/// A lapsed token, and a hub that is too busy to take new ones for a while.
#[test]
fn token_is_put_once_the_hub_is_not_busy() {
    let Some(bed) = Bed::new("lake") else { return };
    let more = json!({"faults": [{"after": 900, "kind": "lapse", "busy": 3}]});
    let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
    let report = report_of(&run(&bed, &connection_string(hub.port("plain"), true), &[]));
    assert_eq!((&report["rows"], &report["caught_up"]), (&json!(hub.total()), &json!(true)), "{report}");
    hub.check(&bed);
    hub.end();
}

/// A service must not ask again without end, nor without a pause.
#[test]
fn service_without_a_new_token_ends_with_the_remedy() {
    for (more, words) in [
        (json!({"signature_life": 3}), ["signature expired", "make a new one"]),
        (json!({"faults": [{"after": 900, "kind": "revoke"}]}), ["InvalidSignature", "TrackingId:"]),
    ] {
        let Some(bed) = Bed::new("lake") else { return };
        let Some(hub) = Judge::start(&bed, EVENTS, &more) else { return };
        let has_key = more["signature_life"].is_null();
        let to = if has_key { connection_string(hub.port("plain"), true) } else { hub.with_signature() };
        let mut command = catchwater(&["run", "--json", "--lanes", "1", "--for", "30s"]);
        command.args(["--lake", bed.lake.to_str().unwrap(), "--connection-string", &to]);
        let output = command.output().unwrap();
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} is missing in: {text}");
        let counts = hub.end();
        assert!(counts["refused"].as_u64() < Some(10), "{counts}");
    }
}

#[cfg(unix)]
#[test]
fn service_renews_lapsed_tokens() {
    let Some(bed) = Bed::new("lake") else { return };
    // Every token of a connection lapses after a second, whichever time it states itself.
    let more = json!({"token_life": 1, "at_start": 100, "rate": 250, "limit": 60});
    let Some(mut hub) = Judge::start(&bed, 1_250, &more) else { return };
    let report = serve(&bed, &mut hub);
    hub.check(&bed);
    let counts = hub.end();
    assert!(
        counts["lapsed"].as_u64() >= Some(3) && counts["tokens"].as_u64() >= Some(4),
        "{counts} {report}"
    );
}

#[cfg(unix)]
#[test]
fn service_reads_every_event_once_through_random_faults() {
    for seed in [1, 2] {
        let Some(bed) = Bed::new("lake") else { return };
        let kinds = ["detach", "session-end", "close", "reset", "stall", "lapse"];
        let repeated = json!({"every": 300, "kinds": kinds, "seed": seed});
        let more = json!({"at_start": 100, "rate": 500, "repeated": repeated, "limit": 60});
        let Some(mut hub) = Judge::start(&bed, 3_000, &more) else { return };
        let report = serve(&bed, &mut hub);
        hub.check(&bed);
        let counts = hub.end();
        assert!(report["links_lost"].as_u64() >= Some(5), "seed {seed}: {report} {counts}");
    }
}

/// Upper bound on the time until the other reader has left, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
