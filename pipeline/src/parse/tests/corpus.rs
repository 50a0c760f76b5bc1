//! Real bodies. We have no right to copy them, so they are read in place and skipped where they are absent.

use super::differential;
use crate::event::{ChangeEvent, MESSAGES, Member};

/// Table and message of the known bodies. Other bodies only have to be events.
const KNOWN: &[(&str, &str, &str)] = &[
    ("albxrm_activityparty_onprem.json", "new_customactivity", "Update"),
    ("albxrm_allfields_create.json", "shko_allfields", "Create"),
    ("albxrm_documentlocation.json", "sharepointdocumentlocation", "Create"),
    ("albxrm_sample1_update_edited.json", "account", "Update"),
    ("albxrm_sample2_alltypes_create.json", "albxrm_alltypes", "Create"),
    ("albxrm_sample2_alltypes_create_compact.json", "albxrm_alltypes", "Create"),
    ("devkit_debug_customaction.json", "_messages", "devkit_DebugCustomAction"),
    ("devkit_debug_customapi.json", "_messages", "devkit_DebugCustomApi"),
    ("devkit_dialogbuilder_1.json", "_messages", "pl_DataverseDialogBuilder"),
    ("devkit_program_1.json", "_messages", "devkit_DebugCustomApi"),
    ("devkit_program_2.json", "_messages", "devkit_DebugCustomAction"),
    ("mrjamiebowman_account_update.json", "account", "Update"),
    ("msdocs_agentstatus_update.json", "msdyn_agentstatus", "Update"),
    ("msdocs_use_webhooks_contact_update.json", "contact", "Update"),
];

fn check(name: &str, event: &ChangeEvent<'_>) {
    assert!(!event.repaired, "{name}");
    assert_eq!(event.member(Member::ParentContext), None, "{name}: ParentContext is dropped");
    let Some(known) = KNOWN.iter().find(|known| known.0 == name) else { return };
    assert_eq!((event.table.name(), event.message), (known.1, known.2), "{name}");
    // In this corpus exactly the events with a primary table have a parent context.
    let has_table = known.1 != MESSAGES;
    assert_eq!(event.parent_context_dropped, has_table, "{name}");
    let target = event.target.map(|target| event.tree.text(target));
    assert_eq!(target, has_table.then_some("Entity"), "{name}");
}

#[test]
fn every_real_body_is_an_event() {
    let (mut keep, mut drop) = differential::parsers();
    for (name, body) in super::corpus() {
        let event = drop.parse(&body).unwrap_or_else(|reject| panic!("{name}: {reject:?}"));
        check(&name, &event);
        assert!(differential::check(&mut keep, &mut drop, &body), "{name}");
    }
}
