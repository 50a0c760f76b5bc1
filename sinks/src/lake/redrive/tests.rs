//! What is planned, which plan stands, and when a plan's file is there.

use super::*;
use crate::lake::fixtures::{destination, facts, fast_backoff, written};
use crate::store::faults::{Faults, PutFault};

fn quarantine() -> DataFileName {
    let file = paths::data_file(&destination(paths::QUARANTINE_TABLE, "2026-11-22"), Ordinal::new(100));
    paths::parse_data_file(&file).unwrap()
}

fn plan(n: u64, rows: &[(&str, &[i64])]) -> Plan {
    let rows = rows.iter().map(|(table, places)| {
        ((*table).to_owned(), places.iter().copied().map(Ordinal::new).collect::<Vec<_>>())
    });
    Plan { quarantine: quarantine().path().to_string(), n, routing_version: 2, rows: rows.collect() }
}

#[test]
fn what_is_understood_is_planned_once() {
    type Rows<'a> = &'a [(i64, &'a str)];
    let understood = |rows: &[(i64, &str)]| -> Vec<(Ordinal, String)> {
        rows.iter().map(|(place, table)| (Ordinal::new(*place), (*table).to_owned())).collect()
    };
    let first = plan(1, &[("account", &[101, 104]), ("contact", &[102])]);
    let second = plan(2, &[("account", &[103])]);
    let cases: [(&[Plan], Rows, Option<Plan>); 5] = [
        (&[], &[], None),
        (&[], &[(101, "account"), (102, "contact"), (104, "account")], Some(first.clone())),
        (std::slice::from_ref(&first), &[(101, "account"), (102, "contact")], None),
        // Another table than the one that was planned changes nothing: the plan stands.
        (
            std::slice::from_ref(&first),
            &[(101, "lead"), (103, "account"), (104, "account")],
            Some(second.clone()),
        ),
        (&[first.clone(), second], &[(101, "account"), (103, "account")], None),
    ];
    for (standing, rows, expected) in cases {
        assert_eq!(Plan::next(&quarantine(), standing, 2, understood(rows)), expected, "{rows:?}");
    }
}

#[tokio::test]
async fn of_two_plans_one_stands() {
    let store = Store::open("memory://").unwrap();
    let (faults, slow) = (Faults::new(), Faults::new());
    let one = Records::new(store.with_faults(&faults), fast_backoff());
    let other = Records::new(store.with_faults(&slow), fast_backoff());
    let (ours, theirs) = (plan(1, &[("account", &[101])]), plan(1, &[("lead", &[101])]));
    slow.next_put("redrive", PutFault::DeliveredLate);
    slow.next_put("redrive", PutFault::RequestLost);
    faults.next_put("redrive", PutFault::ResponseLost);
    assert_eq!(one.plan_redrive(&quarantine(), ours.clone()).await.unwrap(), ours);
    assert_eq!(other.plan_redrive(&quarantine(), theirs).await.unwrap(), ours);
    assert_eq!(slow.deliver_late().await, 0, "the name is taken");
    assert_eq!(other.redrive_plans(&quarantine()).await.unwrap(), [ours]);
}

#[tokio::test]
async fn what_is_no_plan_is_an_error() {
    let named = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan(1, &[("account", &[101, 103])]);
        change(&mut plan);
        serde_json::to_vec(&plan).unwrap()
    };
    let cases = [
        ("another number", named(&|plan| plan.n = 2), "another one"),
        ("another file", named(&|plan| plan.quarantine.push('x')), "another one"),
        ("no rows", named(&|plan| plan.rows.clear()), "rise"),
        ("rows twice", named(&|plan| plan.rows.get_mut("account").unwrap()[1] = Ordinal::new(101)), "rise"),
        ("back", named(&|plan| drop(plan.rows.insert("_quarantine".into(), vec![Ordinal::new(1)]))), "back"),
        ("no JSON", b"{".to_vec(), "can't be understood"),
    ];
    for (case, bytes, words) in cases {
        let store = Store::open("memory://").unwrap();
        store.put(&paths::redrive_plan(&quarantine(), 1), bytes.into()).await.unwrap();
        let error = Records::new(store, fast_backoff()).redrive_plans(&quarantine()).await.unwrap_err();
        assert!(error.to_string().contains(words), "{case}: {error}");
    }
}

#[tokio::test]
async fn a_file_is_there_once_whoever_put_it() {
    let facts =
        FooterFacts { routing_version: 2, ..facts(&destination("account", "2026-11-22"), 100, 101, 104) };
    let path = paths::redriven_file("account", &quarantine(), 1);
    for fault in [PutFault::RequestLost, PutFault::ResponseLost, PutFault::DeliveredLate] {
        let store = Store::open("memory://").unwrap();
        let faults = Faults::new();
        faults.next_put("-r1", fault);
        faults.lose_next_read("-r1");
        let unreliable = store.with_faults(&faults);
        assert!(!find_file(&store, &path, &facts, &fast_backoff()).await.unwrap());
        commit_file(&unreliable, &path, &facts, written(&facts), &fast_backoff()).await.unwrap();
        assert!(find_file(&unreliable, &path, &facts, &fast_backoff()).await.unwrap());
        assert_eq!(faults.deliver_late().await, 0, "{fault:?}");
        // Another redriver's bytes differ, and its rows don't.
        let other = FooterFacts { writer: "another".into(), ..facts.clone() };
        commit_file(&store, &path, &other, written(&other), &fast_backoff()).await.unwrap();
    }
}

#[tokio::test]
async fn another_file_under_the_name_is_an_error() {
    let facts =
        FooterFacts { routing_version: 2, ..facts(&destination("account", "2026-11-22"), 100, 101, 104) };
    let path = paths::redriven_file("account", &quarantine(), 1);
    let cases: [(FooterFacts, &str); 6] = [
        (FooterFacts { lake: "other".into(), ..facts.clone() }, "lake"),
        (FooterFacts { destination: destination("lead", "2026-11-22"), ..facts.clone() }, "table"),
        (FooterFacts { routing_version: 1, ..facts.clone() }, "routing rules"),
        (FooterFacts { first: Ordinal::new(100), ..facts.clone() }, "100 to 104"),
        (FooterFacts { last: Ordinal::new(105), ..facts.clone() }, "101 to 105"),
        (FooterFacts { rows: 1, last: Ordinal::new(104), ..facts.clone() }, "number of rows"),
    ];
    for (other, words) in cases {
        let store = Store::open("memory://").unwrap();
        store.put(&path, written(&other)).await.unwrap();
        let found = find_file(&store, &path, &facts, &fast_backoff()).await.unwrap_err();
        let put = commit_file(&store, &path, &facts, written(&facts), &fast_backoff()).await.unwrap_err();
        assert!(found.to_string().contains(words) && put.to_string().contains(words), "{found}, {put}");
    }
}
