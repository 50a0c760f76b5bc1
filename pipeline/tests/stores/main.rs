//! The promises of a store, of a commit and of checkpoints, on real servers: Azurite, SeaweedFS and moto.
//! `docs/STORES.md` has the results.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a test of memory reports it")]

#[path = "../support/checkpoints.rs"]
mod checkpoints;
#[path = "../support/fault_proxy.rs"]
mod fault_proxy;
mod faults;
#[path = "../support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that run other commands")]
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/python.rs"]
mod python;
#[expect(clippy::panic, reason = "a server that does not start has to report the reason")]
#[path = "../support/stores.rs"]
mod stores;

use catchwater_sinks::lake::commit::suite::check_commits;
use catchwater_sinks::store::suite::{check_store, check_swaps};
use catchwater_sinks::store::{Store, StoreOptions};
use tokio::task::spawn_blocking;

use checkpoints::check_checkpoints;
use stores::{Server, StoreServer};

#[tokio::test]
async fn checkpoints_in_memory_and_on_a_folder_conform() {
    let folder = tempfile::tempdir().unwrap();
    check_checkpoints(&Store::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap()).await;
    check_checkpoints(&Store::open("memory://", &StoreOptions::default()).unwrap()).await;
}

#[tokio::test]
async fn azurite_conforms() {
    check(Server::Azurite).await;
}

#[tokio::test]
async fn seaweedfs_conforms() {
    check(Server::SeaweedFS).await;
}

#[tokio::test]
async fn moto_conforms() {
    check(Server::Moto).await;
}

/// The suites on one server: they use different folders.
async fn check(server: Server) {
    let Some(running) = spawn_blocking(move || StoreServer::start(server)).await.unwrap() else { return };
    let open = |name: &str| Store::open(running.lake(name), &running.options()).unwrap();
    check_store(&open("a lake/below")).await;
    check_swaps(&open("swaps")).await;
    check_commits(open).await;
    check_checkpoints(&open("a lake/_catchwater")).await;
}

#[test]
fn lake_is_exact_after_every_fault_of_azurite() {
    faults::check(Server::Azurite);
}

#[test]
fn lake_is_exact_after_every_fault_of_seaweedfs() {
    faults::check(Server::SeaweedFS);
}

#[test]
fn outage_ends_the_run_with_exit_code_3_and_the_next_completes_the_lake() {
    faults::check_outage(Server::Azurite);
}

#[test]
fn hanging_store_costs_credit_and_no_memory() {
    faults::check_memory(Server::Azurite);
}

#[test]
fn docs_have_the_table_of_faults() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/STORES.md")).unwrap();
    let table = faults::table();
    assert!(docs.contains(&table), "docs/STORES.md lacks this table:\n{table}");
}
