//! Everything that the official SDKs can send is in the lake once: as a row of its table, or in quarantine with its
//! body and its application properties.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "the script reports the number of events that it compared")]

#[allow(dead_code, reason = "shared with tests that send through other programs")]
#[path = "support/bed.rs"]
mod bed;
#[path = "support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;
#[allow(dead_code, reason = "shared with tests over other transports")]
#[path = "support/sdk.rs"]
mod sdk;

use std::path::PathBuf;

use bed::Bed;
use catchwater::internals::emulator::{Config, Emulator};
use processes::{audit, json};
use sdk::Sdk;
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_an_sdk_sends_is_in_the_lake_once() {
    let Some(bed) = spawn_blocking(|| Bed::new("lake")).await.unwrap() else { return };
    let mut manifests: Vec<PathBuf> = Vec::new();
    let mut hubs = Vec::new();
    for sdk in [Sdk::Python, Sdk::JavaScript] {
        let hub = Emulator::start(Config { partitions: 1, ..Config::default() }).await.unwrap();
        let manifest = bed.folder.path().join(format!("{sdk:?}.json"));
        if sdk.check(&hub, &["lake"], &[("MANIFEST", manifest.to_str().unwrap())]).await {
            manifests.push(manifest);
            hubs.push(hub);
        }
    }
    spawn_blocking(move || {
        for (number, (hub, manifest)) in hubs.iter().zip(&manifests).enumerate() {
            let lake = bed.folder.path().join(format!("lake{number}"));
            let arguments = ["run", "--json", "--until-caught-up", "--lake", lake.to_str().unwrap()];
            let report = json(&[&arguments[..], &["--connection-string", &hub.connection_string()]].concat());
            assert_eq!(report["unreadable"].as_u64().unwrap_or(0), 0, "{report}");
            audit(&lake);
            bed.check("sdk_lake.py", &[&lake, manifest]);
        }
    })
    .await
    .unwrap();
}
