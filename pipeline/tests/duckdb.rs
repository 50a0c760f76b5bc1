//! DuckDB reads a lake that the real binary has written, and every value equals the one that was sent.
//!
//! The scripts in `tests/python/` derive the expected values from the bytes that were sent, with Python's `json` and
//! its XML parser.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "scripts report the number of values that they compared")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;
#[allow(dead_code, reason = "shared with tests of other readers")]
#[path = "support/bed.rs"]
mod bed;

use std::fs;
use std::path::{Path, PathBuf};

use bed::{Bed, send};
use catchwater::internals::emulator::{Config, Emulator, NewEvent};
use catchwater::internals::generator::{Format, Generator, Size};
use catchwater::internals::position::PartitionId;
use processes::{Hub, audit, catchwater, output_text};

#[test]
fn duckdb_reads_every_value_of_json_and_xml_events() {
    // DuckDB would take this folder for a pattern and for a column if the views did not quote it.
    let lakes = [Format::Json, Format::Xml].map(|format| (format, Bed::new("it's [a] name=lake")));
    let mut views = Vec::new();
    for (format, bed) in &lakes {
        let Some(bed) = bed else { return };
        let hub = Hub::start(3);
        for (partition, (size, events)) in
            [(Size::Mixed, 200), (Size::Typical, 60), (Size::Large, 40)].into_iter().enumerate()
        {
            let sent = write_generated(&bed.sent(), partition, (size, *format), events);
            assert_eq!(send(&hub, &sent, partition), events);
        }
        bed.run(&hub.connection_string, 300);
        views.push(bed.views());
        bed.check("values.py", &[views.last().unwrap(), &bed.lake, &bed.sent()]);
    }
    if let [(_, Some(bed)), _] = &lakes {
        bed.check("paired_fixtures.py", &[&views[0], &views[1]]);
    }
}

#[test]
fn latest_view_has_the_last_value_of_each_column() {
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(2);
    bed.check("states.py make", &[&bed.sent()]);
    let sent = [(0, 0), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0)]
        .map(|(file, partition)| send(&hub, &bed.sent().join(format!("{file}.ndjson")), partition));
    bed.run(&hub.connection_string, sent.iter().sum());
    bed.check_with_others("states.py check", &[&bed.views()]);
    bed.check_readers();
}

/// `tests/data/cases` has the bodies, `cases.py` their values.
#[test]
fn bodies_that_are_easily_misread_have_the_right_values() {
    let Some(bed) = Bed::new("lake") else { return };
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let hub = Hub::start(1);
    let sent = send(&hub, &cases, 0);
    assert_eq!(sent, fs::read_dir(&cases).unwrap().count() as u64);
    bed.run(&hub.connection_string, sent);
    bed.check_with_others("cases.py check", &[&bed.views()]);
    bed.check_readers();
}

/// Attributes have the names of companions, of aliases and of DuckDB's own columns; labels and values have unusual
/// types and places.
#[test]
fn ambiguous_attribute_names_keep_their_values() {
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(1);
    bed.check("clashes.py make", &[&bed.sent()]);
    let sent = send(&hub, &bed.sent(), 0);
    bed.run(&hub.connection_string, sent + 2);
    let views = bed.views();
    bed.check_with_others("clashes.py check", &[&views]);
    bed.check_readers();
    bed.check("clashes.py redrive", &[&views, &bed.lake]);
    bed.check("clashes.py redriven", &[&bed.printed()]);
}

#[test]
fn each_record_of_an_event_is_a_row_of_one_file() {
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(1);
    bed.check("several_targets.py make", &[&bed.sent()]);
    assert_eq!(send(&hub, &bed.sent(), 0), 5);
    bed.run(&hub.connection_string, 10);
    let report = audit(&bed.lake);
    assert_eq!((report["events"].as_u64(), report["rows"].as_u64()), (Some(5), Some(10)), "{report}");
    bed.check("several_targets.py check", &[&bed.views(), &bed.lake]);
    bed.check_readers();
}

/// Events are shuffled and repeated; the model in `model.py` knows records and not the views.
#[test]
fn states_of_100_000_random_events_match_a_model() {
    const PARTITIONS: usize = 4;
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(PARTITIONS as u32);
    bed.check("model.py make", &[&bed.sent()]);
    let sent = (0..PARTITIONS)
        .map(|partition| send(&hub, &bed.sent().join(format!("{partition}.ndjson")), partition));
    let sent: u64 = sent.sum();
    assert!(sent > 100_000, "{sent}");
    bed.run(&hub.connection_string, sent);
    bed.check("model.py check", &[&bed.views(), &bed.sent()]);
}

/// Runs every query of `docs/QUERYING.md` over the events of a demo, and over events that a demo does not have.
#[test]
fn queries_of_the_documentation_give_the_right_answers() {
    let Some(bed) = Bed::new("lake") else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/QUERYING.md");
    let hub = Hub::start(2);
    fs::write(bed.sent().join("0.ndjson"), generated(Size::Mixed, 3_000)).unwrap();
    bed.check("questions.py make", &[&bed.sent()]);
    let sent = [0, 1].map(|partition| send(&hub, &bed.sent().join(format!("{partition}.ndjson")), partition));
    bed.run(&hub.connection_string, sent.iter().sum());
    let views = bed.views();
    bed.check_with_others("questions.py check", &[&views, &page, &bed.sent()]);
    // A redriven body is no longer in the view of the quarantine, but it is still in the table.
    bed.check("questions.py redrive", &[&views, &bed.lake]);
    bed.check("questions.py redriven", &[&bed.printed()]);
    bed.check("questions.py gaps", &[&bed.printed(), &bed.lake]);

    let lake = bed.folder.path().join("demo-lake");
    let demo = catchwater(&["demo", "--events", "2000", "--lake", lake.to_str().unwrap()]).output().unwrap();
    assert!(demo.status.success(), "{}", output_text(&demo));
    let demo = Bed { lake, ..bed };
    demo.check("questions.py run", &[&demo.views(), &page]);
}

#[test]
fn audit_and_views_agree_on_accepted_gaps() {
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(1);
    fs::write(bed.sent().join("0.ndjson"), generated(Size::Mixed, 300)).unwrap();
    let sent = send(&hub, &bed.sent().join("0.ndjson"), 0);
    bed.run(&hub.connection_string, sent);
    let report = bed.folder.path().join("audit.json");
    let audited = |code: i32| {
        let output = catchwater(&["audit", "--json", "--lake", bed.lake.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", output_text(&output));
        fs::write(&report, &output.stdout).unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(audited(0)["accepted_gaps"], 0);
    bed.check("accepted_gaps.py take", &[&bed.lake]);
    assert!(audited(5)["gaps"].as_u64() > Some(0), "a third of the numbers is missing and not accepted");
    bed.check("accepted_gaps.py check", &[&bed.printed(), &report]);
    bed.check("accepted_gaps.py accept", &[&bed.lake]);
    assert_eq!(audited(0)["gaps"], 0);
    bed.check("accepted_gaps.py check", &[&bed.printed(), &report]);
}

/// An attribute is an integer, then 1E+300, a fraction that no decimal can hold, a GUID, a string, a date. Each of 200
/// files has one event, and each round is a new process that knows only the lake.
#[test]
fn attributes_that_change_their_type_keep_all_values() {
    const PARTITIONS: usize = 8;
    let Some(bed) = Bed::new("lake") else { return };
    bed.check("mixtures.py make", &[&bed.sent()]);
    let bodies = fs::read(bed.sent().join("mixtures.ndjson")).unwrap();
    let bodies: Vec<&[u8]> = bodies.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let hub = Config { partitions: PARTITIONS as u32, ..Config::default() };
    let hub = runtime.block_on(Emulator::start(hub)).unwrap();
    for round in bodies.chunks(PARTITIONS) {
        for (partition, body) in round.iter().enumerate() {
            let event = NewEvent { body, content_type: Some("application/json"), ..NewEvent::default() };
            hub.append(PartitionId::new(partition as u32), &event).unwrap();
        }
        bed.run(&hub.connection_string(), round.len() as u64);
    }
    bed.check_with_others("mixtures.py check", &[&bed.views(), &bed.lake]);
    bed.check_readers();
}

#[test]
fn metadata_sets_types_of_new_columns_only() {
    let Some(bed) = Bed::new("lake") else { return };
    bed.check("typed.py make", &[&bed.sent()]);
    let [schema, other] = ["schema", "other.json"].map(|name| bed.sent().join(name));
    let hub = Hub::start(1);
    assert_eq!(send(&hub, &bed.sent().join("one.ndjson"), 0), 2);
    let stderr = bed.run_with(&hub, &schema, 2);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("typed from values and not by the metadata") && stderr.contains(r#"="new_free""#),
        "{stderr}"
    );
    let first = bed.schema();
    assert_eq!(send(&hub, &bed.sent().join("two.ndjson"), 0), 2);
    let stderr = bed.run_with(&hub, &other, 2);
    for (column, lake, stated) in
        [("new_born", "date", "datetime"), ("new_ratio", "double", "text"), ("new_whole", "double", "int32")]
    {
        let sentence = format!(r#"table="new_typed" column="{column}" lake="{lake}" metadata="{stated}""#);
        assert_eq!(stderr.matches(&sentence).count(), 1, "{sentence}\n{stderr}");
    }
    assert_eq!(stderr.matches("keeps its type in the lake").count(), 3, "{stderr}");
    let mut second = bed.schema();
    assert_eq!(second["new_typed"]["columns"]["new_later"], "double");
    second["new_typed"]["columns"].as_object_mut().unwrap().remove("new_later");
    assert_eq!(second["new_typed"]["columns"], first["new_typed"]["columns"]);
    assert!(second.get("new_unused").is_none(), "a table without an event is not in the lake");
    bed.check("typed.py check", &[&bed.views(), &bed.lake]);
    bed.check_readers();
}

/// Types are permanent, so a run warns about types that it derives from values and metadata does not state.
#[test]
fn columns_typed_from_values_are_reported_once() {
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(2);
    let body = |attributes: &str| {
        let id = "00000064-0000-4000-8000-000000000064";
        format!(
            r#"{{"MessageName":"Update","PrimaryEntityName":"account","PrimaryEntityId":"{id}","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:x","Attributes":[{attributes}],"Id":"{id}","LogicalName":"account"}}}}]}}"#
        ) + "\n"
    };
    let bodies = [
        r#"{"key":"new_count","value":7},{"key":"new_day","value":"\/Date(1714953600000)\/"},{"key":"name","value":"a"}"#,
        r#"{"key":"new_later","value":8}"#,
        r#"{"key":"new_seen","value":"\/Date(1714953600000)\/"}"#,
    ];
    let send_body = |number: usize| {
        let file = bed.sent().join(format!("{number}.ndjson"));
        fs::write(&file, body(bodies[number])).unwrap();
        assert_eq!(send(&hub, &file, 0), 1);
    };
    let run = |schema: Option<&Path>| {
        let mut arguments = hub.run_arguments(&bed.lake);
        arguments.extend(schema.map_or(vec![], |schema| vec!["--schema", schema.to_str().unwrap()]));
        let output = catchwater(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        String::from_utf8(output.stderr).unwrap()
    };
    send_body(0);
    let stderr = run(None);
    assert_eq!(stderr.matches("typed from values").count(), 1, "{stderr}");
    for words in [
        r#"table="account""#,
        r#"numbers="new_count""#,
        r#"dates="new_day""#,
        r#"others="name""#,
        "schema --help",
    ] {
        assert!(stderr.contains(words), "{words}\n{stderr}");
    }
    assert_eq!(run(None), "", "nothing is new");
    send_body(1);
    let stderr = run(None);
    assert!(stderr.contains(r#"="new_later""#) && !stderr.contains("new_count"), "{stderr}");

    let schema = bed.sent().join("schema.json");
    let types = [("new_count", "Integer"), ("new_seen", "DateTime"), ("new_never", "DateTime")];
    let types =
        types.map(|(name, of)| format!(r#"{{"LogicalName":"{name}","AttributeType":"{of}"}}"#)).join(",");
    fs::write(&schema, format!(r#"{{"value":[{{"LogicalName":"account","Attributes":[{types}]}},{{"LogicalName":"lead","Attributes":[{types}]}}]}}"#)).unwrap();
    send_body(2);
    let stderr = run(Some(&schema));
    assert!(
        stderr.contains("hold all values") && stderr.contains(r#"columns="new_count (int32)""#),
        "{stderr}"
    );
    assert!(
        stderr.contains("which of these date columns have no time")
            && stderr.contains(r#"columns="new_never, new_seen""#),
        "{stderr}"
    );
    assert!(!stderr.contains("lead"), "the lake has no event of this table: {stderr}");
}

#[test]
fn inferred_metadata_omits_ambiguous_attributes() {
    let (Some(plain), Some(typed)) = (Bed::new("plain"), Bed::new("typed")) else { return };
    let bodies = plain.sent().join("bodies.ndjson");
    fs::write(&bodies, [generated(Size::Mixed, 300), b"no body\n".to_vec()].concat()).unwrap();
    let inferred = catchwater(&["schema", "infer", "--files", bodies.to_str().unwrap()]).output().unwrap();
    assert!(inferred.status.success(), "{}", output_text(&inferred));
    let doubts = String::from_utf8_lossy(&inferred.stderr);
    assert!(doubts.contains("1 of 301 bodies can't be understood"), "{doubts}");
    assert!(
        doubts.contains("attributes that are numbers") && doubts.contains("account.numberofemployees"),
        "{doubts}"
    );
    assert!(doubts.contains("all at midnight") && doubts.contains("contact.birthdate"), "{doubts}");
    let schema = typed.sent().join("schema.json");
    fs::write(&schema, &inferred.stdout).unwrap();
    let hub = Hub::start(1);
    assert_eq!(send(&hub, &bodies, 0), 301);
    plain.run(&hub.connection_string, 301);
    let stderr = typed.run_with(&hub, &schema, 301);
    assert!(stderr.contains(r#"numbers="address1_latitude, exchangerate, numberofemployees""#), "{stderr}");
    plain.check("typed.py same", &[&plain.views(), &typed.views()]);
    assert_eq!(typed.run_with(&hub, &schema, 0), "", "the lake already has the types of the metadata");
    let show = catchwater(&["schema", "show", "--table", "account", "--lake", typed.lake.to_str().unwrap()]);
    let shown = { show }.output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let line = |name: &str| shown.lines().find(|line| line.split(' ').any(|word| word == name)).unwrap_or("");
    assert!(line("Id").ends_with("  uuid") && line("statuscode").ends_with("  choice"), "{shown}");
}

#[test]
fn unreadable_metadata_and_bodies_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("bad.json"), r#"{"value":[{"LogicalName":"account","Attributes":[{}]}]}"#).unwrap();
    fs::write(at("body.json"), "no body").unwrap();
    let (bad, body, nowhere, lake) = (at("bad.json"), at("body.json"), at("nowhere"), at("lake"));
    // No hub listens there: the error comes before a connection is tried.
    let hub = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;EntityPath=e";
    for (arguments, expected) in [
        (
            vec!["run", "--schema", &bad, "--lake", &lake, "--connection-string", hub],
            "bad.json at $.value[0].Attributes[0]: it has no LogicalName",
        ),
        (
            vec!["run", "--schema", &nowhere, "--lake", &lake, "--connection-string", hub],
            "nowhere can't be read",
        ),
        (vec!["schema", "infer", "--files", &body], "no body of"),
        (vec!["schema", "show", "--lake", &lake], "no lake at"),
    ] {
        let output = catchwater(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
        assert!(output.stdout.is_empty(), "{}", output_text(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{}", output_text(&output));
    }
    assert!(!Path::new(&lake).exists(), "the error comes before a lake is created");
}

#[test]
fn queries_printed_by_the_demo_run_in_a_shell() {
    for lake in ["lake", "it's [a] $lake"] {
        let Some(bed) = Bed::new(lake) else { return };
        let output =
            catchwater(&["demo", "--events", "500", "--lake", bed.lake.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        fs::write(bed.sent().join("printed"), output.stdout).unwrap();
        bed.check("demo_queries.py", &[&bed.sent().join("printed")]);
    }
}

#[test]
fn rejected_bodies_are_quarantined_with_their_reason() {
    let Some(bed) = Bed::new("lake") else { return };
    let hub = Hub::start(1);
    bed.check("rejects.py make", &[&bed.sent()]);
    let sent = send(&hub, &bed.sent(), 0);
    bed.run(&hub.connection_string, sent);
    bed.check("rejects.py check", &[&bed.views(), &bed.sent()]);
}

#[test]
fn every_body_of_the_corpus_is_decoded_or_quarantined() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if !corpus.is_dir() {
        println!("Skipped: ../shared/corpus is not beside this repository.");
        return;
    }
    let Some(bed) = Bed::new("lake") else { return };
    let folders = ["json", "json_wire", "oracle/json", "xml", "oracle/xml"].map(|folder| corpus.join(folder));
    let hub = Hub::start(folders.len() as u32);
    let sent = folders.iter().enumerate().map(|(partition, folder)| send(&hub, folder, partition)).sum();
    bed.run(&hub.connection_string, sent);
    let views = bed.views();
    let mut arguments: Vec<&Path> = vec![&views];
    arguments.extend(folders.iter().map(PathBuf::as_path));
    bed.check("corpus.py", &arguments);
}

/// With `--like`, the tables of a lake in a folder are printed for one in a cloud.
#[test]
fn views_of_a_cloud_lake_connect_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let local = lake.to_str().unwrap();
    let demo = catchwater(&["demo", "--events", "300", "--lake", local]).output().unwrap();
    assert!(demo.status.success(), "{}", output_text(&demo));
    let sql = |arguments: &[&str]| {
        let output = catchwater(&[&["sql", "--lake"], arguments].concat()).output().unwrap();
        let [stderr, printed] =
            [&output.stderr, &output.stdout].map(|text| String::from_utf8_lossy(text).into_owned());
        (output.status.code(), stderr, printed)
    };
    let views = |script: &str| script[script.find("\n-- account: ").unwrap()..].to_owned();
    let (_, _, here) = sql(&[local]);
    for (address, found, extension) in [
        ("s3://b/l", "s3://b/l", "httpfs"),
        ("az://b/l", "az://b/l", "azure"),
        ("abfss://b@a.dfs.core.windows.net/l", "abfss://a.dfs.core.windows.net/b/l", "azure"),
        ("gs://b/l/", "gs://b/l", "httpfs"),
    ] {
        let (code, stderr, there) = sql(&[address, "--like", local]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{address}");
        assert_eq!(views(&there).replace(found, local), views(&here), "{address}");
        let places = [
            "SET TimeZone = 'UTC';",
            &format!("INSTALL {extension};"),
            &format!("LOAD {extension};"),
            "CREATE OR REPLACE SECRET",
        ]
        .map(|part| there.find(part).unwrap());
        assert!(places.is_sorted(), "{there}");
    }
    for (arguments, expected) in [
        (vec!["ftp://b/l"], "ftp:// is not the address of a store"),
        (vec![local, "--like", local], "--like is for a lake in a cloud"),
        (vec!["s3://b/l", "--like", "nowhere"], "no lake at nowhere"),
    ] {
        let (code, stderr, printed) = sql(&arguments);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn views_of_a_missing_lake_are_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [folder.path().to_owned(), folder.path().join("nowhere")] {
        let output = catchwater(&["sql", "--lake", lake.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
        assert!(output.stdout.is_empty(), "{}", output_text(&output));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("no lake at") && stderr.contains("catchwater run"), "{stderr}");
    }
    assert!(!folder.path().join("nowhere").exists(), "printing views creates no lake");
}

/// Writes events and returns the path: JSON events as lines of a file, XML events as files of a folder.
fn write_generated(folder: &Path, partition: usize, (size, format): (Size, Format), events: u64) -> PathBuf {
    if format == Format::Json {
        let file = folder.join(format!("{partition}.ndjson"));
        fs::write(&file, generated(size, events)).unwrap();
        return file;
    }
    let folder = folder.join(partition.to_string());
    fs::create_dir(&folder).unwrap();
    let mut generator = Generator::new(7, size).in_format(format);
    for number in 0..events {
        let mut body = Vec::new();
        generator.next(&mut body);
        fs::write(folder.join(format!("{number:04}.xml")), body).unwrap();
    }
    folder
}

/// Events, one per line.
fn generated(size: Size, events: u64) -> Vec<u8> {
    let mut generator = Generator::new(7, size);
    let mut lines = Vec::new();
    for _ in 0..events {
        generator.next(&mut lines);
        lines.push(b'\n');
    }
    lines
}
