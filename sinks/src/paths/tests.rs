//! Names both ways, with nasty ones, and that no two things share one.

use std::collections::HashMap;

use crate::store::Key;

use super::*;
use crate::ordinals::Ordinal;

/// Names that differ and are easily confused.
const NASTY: [&str; 34] = [
    "account",
    "Account",
    "ACCOUNT",
    "new_Thing",
    "new_thing",
    "_messages",
    "_Messages",
    "_quarantine",
    "messages",
    "_",
    "__",
    "_catchwater",
    "a b",
    "a%20b",
    "a%2520b",
    "a/b",
    "a\\b",
    "..",
    ".",
    "",
    "table$",
    "table$account",
    "table$%41ccount",
    "a$b",
    "enqueued_date=2026-11-22",
    "ü",
    "Ü",
    "u\u{308}",
    "K",
    "\u{212a}",
    "con",
    "a*",
    "a\nb",
    "日本",
];

fn source(text: &str) -> SourceId {
    text.parse().unwrap()
}

fn destination(table: &str, date: &str, log: &str) -> Destination {
    let source = SourceId::new(log, 1_763_800_000_000, 7);
    Destination { table: table.into(), date: date.parse().unwrap(), source }
}

/// No two of the names are equal without regard to case, and each is one part of a path on any store.
fn check_distinct(names: impl IntoIterator<Item = (String, String)>) {
    let mut seen: HashMap<String, String> = HashMap::new();
    for (of, name) in names {
        assert!(name.len() <= MAX_NAME_BYTES + 40 && !name.is_empty(), "{of:?}: {name}");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.%$".contains(&byte);
        assert!(name.bytes().all(plain) && name != "." && name != "..", "{of:?}: {name}");
        let folded = name.to_lowercase();
        if let Some(other) = seen.insert(folded, of.clone()) {
            panic!("{of:?} and {other:?} share {name}");
        }
    }
}

fn long_names() -> Vec<String> {
    let lengths = [113, 114, 115, 119, 120, 121, 200, 1000];
    let plain =
        lengths.iter().flat_map(|length| [format!("{}x", "a".repeat(length - 1)), "a".repeat(*length)]);
    plain
        .chain((1..60).map(|length| "é".repeat(length)))
        .chain((36..60).map(|length| "%".repeat(length)))
        .collect()
}

#[test]
fn folders_are_as_documented() {
    let cases = [
        ("account", "account"),
        ("new_thing2", "new_thing2"),
        ("_messages", "_messages"),
        ("_quarantine", "_quarantine"),
        ("_other", "table$_other"),
        ("_catchwater", "table$_catchwater"),
        ("Account", "table$%41ccount"),
        ("a b/ü", "table$a%20b%2F%C3%BC"),
        ("table$x", "table$table%24x"),
        ("", "table$"),
    ];
    for (table, folder) in cases {
        assert_eq!(folder_name(table), folder, "{table:?}");
    }
    let long = folder_name(&"é".repeat(100));
    let hash = &long[long.len() - 32..];
    assert_eq!(long, format!("table${}%C3${hash}", "%C3%A9".repeat(13)));
    assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(folder_name(&"a".repeat(120)), "a".repeat(120));
    assert_eq!(folder_name(&"a".repeat(121)).len(), 120);
}

#[test]
fn tables_have_different_folders() {
    let names: Vec<String> = NASTY.iter().map(|name| (*name).to_owned()).chain(long_names()).collect();
    check_distinct(names.into_iter().map(|table| (table.clone(), folder_name(&table))));
}

#[test]
fn sources_have_different_names() {
    // Logs are named ignoring case: names that fold to the same are one log.
    let mut logs: Vec<String> = NASTY.iter().map(|log| log.to_lowercase()).chain(long_names()).collect();
    logs.extend(["hub", "hub-5", "hub-n5", "hub-5-p0001", "hub-", "-"].map(str::to_owned));
    logs.sort();
    logs.dedup();
    let places = [(5, 1), (-5, 1), (0, 0), (i64::MAX, u32::MAX), (i64::MIN, 9999), (5, 10_000)];
    let named =
        |log: &String| places.map(|(generation, partition)| SourceId::new(log, generation, partition));
    let sources: Vec<(String, SourceId)> =
        logs.iter().flat_map(|log| named(log).map(|source| (format!("{log} {source}"), source))).collect();
    check_distinct(sources.iter().map(|(of, source)| (of.clone(), source.to_string())));
    for (of, source) in sources {
        assert_eq!(source.as_str().parse::<SourceId>().unwrap(), source, "{of}");
        let json = serde_json::to_string(&source).unwrap();
        assert_eq!(serde_json::from_str::<SourceId>(&json).unwrap(), source, "{of}");
    }
    assert_eq!(SourceId::new("Orders.EU", 1_763_800_000_000, 7).as_str(), "orders.eu-1763800000000-p0007");
    assert_eq!(SourceId::new("ORDERS.eu", 1, 2), SourceId::new("orders.EU", 1, 2));
}

#[test]
fn rejects_names_that_are_not_a_source() {
    let cases = [
        "",
        "hub",
        "hub-5",
        "hub-p0007",
        "hub-5-p",
        "hub-5-p7",
        "hub-5-p00007",
        "hub-05-p0007",
        "hub-+5-p0007",
        "hub-5-p+007",
        "Hub-5-p0007",
        "hub-5-P0007",
        "hub b-5-p0007",
        "hub%2-5-p0007",
        "hub%2f-5-p0007",
        "ABC-5-p0007",
        "hub/x-5-p0007",
        "hub-nn5-p0007",
        "hub-5-p0007 ",
        "hub-5-p99999999999",
    ];
    for text in cases {
        assert!(text.parse::<SourceId>().is_err(), "{text:?}");
        assert!(serde_json::from_str::<SourceId>(&format!("{text:?}")).is_err(), "{text:?}");
    }
}

#[test]
fn dates_are_days_in_utc() {
    const DAY: i64 = 86_400_000;
    let cases = [
        (0, "1970-01-01"),
        (DAY - 1, "1970-01-01"),
        (DAY, "1970-01-02"),
        (-1, "1969-12-31"),
        (-DAY, "1969-12-31"),
        (-DAY - 1, "1969-12-30"),
        (1_795_305_600_000 - 1, "2026-11-21"),
        (1_795_305_600_000, "2026-11-22"),
        (951_782_400_000, "2000-02-29"),
        (253_402_300_799_999, "9999-12-31"),
        (253_402_300_800_000, "9999-12-31"),
        (i64::MAX, "9999-12-31"),
        (-62_167_219_200_000, "0000-01-01"),
        (i64::MIN, "0000-01-01"),
    ];
    for (instant, day) in cases {
        let date = Date::from_unix_ms(instant);
        assert_eq!(date.to_string(), day, "{instant}");
        assert_eq!(day.parse::<Date>().unwrap(), date, "{instant}");
    }
    for text in [
        "",
        "2026-11-2",
        "2026-11-31",
        "2026-13-01",
        "26-11-22",
        "2026-11-22T00:00",
        "+2026-11-22",
        "20261122",
    ] {
        assert!(text.parse::<Date>().is_err(), "{text:?}");
    }
}

#[test]
fn data_file_names_are_read_back() {
    let file = data_file(&destination("account", "2026-11-22", "Hub"), Ordinal::new(1003));
    let expected = "account/enqueued_date=2026-11-22/hub-1763800000000-p0007-00000000000000001003.cw.parquet";
    assert_eq!(file.as_ref(), expected);

    let mut tables: Vec<String> = NASTY.iter().map(|name| (*name).to_owned()).collect();
    tables.extend(long_names());
    for table in &tables {
        for (day, log, ordinal) in
            [("2026-11-22", "hub", 0), ("0000-01-01", table, i64::MAX), ("9999-12-31", "a-b", 7)]
        {
            let destination = destination(table, day, log);
            let path = data_file(&destination, Ordinal::new(ordinal));
            let name = parse_data_file(&path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((name.folder.as_str(), name.date), (folder_name(table).as_str(), destination.date));
            assert_eq!((&name.source, name.continues_at), (&destination.source, Ordinal::new(ordinal)));
            assert_eq!(name.path(), path);
            let longest = path.as_ref().split('/').map(str::len).max().unwrap();
            assert!(
                longest <= 250,
                "{path}: a file system takes 255 bytes, the local store needs some of them"
            );
        }
    }
}

#[test]
fn rejects_names_that_are_not_a_data_file() {
    let day = "account/enqueued_date=2026-11-22";
    let cases = [
        "account".to_owned(),
        day.to_owned(),
        format!("{day}/hub-5-p0007-00000000000000001003.cw.parquet.tmp"),
        format!("{day}/hub-5-p0007-1003.cw.parquet"),
        format!("{day}/hub-5-p0007-+0000000000000001003.cw.parquet"),
        format!("{day}/hub-5-p0007-99999999999999999999.cw.parquet"),
        format!("{day}/HUB-5-p0007-00000000000000001003.cw.parquet"),
        format!("{day}/p0007-00000000000000001003.cw.parquet"),
        format!("{day}/more/hub-5-p0007-00000000000000001003.cw.parquet"),
        format!("more/{day}/hub-5-p0007-00000000000000001003.cw.parquet"),
        "account/hub-5-p0007-00000000000000001003.cw.parquet".to_owned(),
        "account/enqueued_date=2026-11-31/hub-5-p0007-00000000000000001003.cw.parquet".to_owned(),
        "account/date=2026-11-22/hub-5-p0007-00000000000000001003.cw.parquet".to_owned(),
        "_catchwater/enqueued_date=2026-11-22/hub-5-p0007-00000000000000001003.cw.parquet".to_owned(),
    ];
    for text in cases {
        assert_eq!(parse_data_file(&Key::parse(&text).unwrap()), None, "{text}");
    }
}

#[test]
fn redriven_file_names_are_read_back_and_are_not_in_a_chain() {
    let mut logs: Vec<String> = NASTY.iter().map(|name| (*name).to_owned()).chain(long_names()).collect();
    logs.extend(["hub-r1", "hub-5-p0007-00000000000000001003-r1", "r1", "-r1-"].map(str::to_owned));
    let mut keys = Vec::new();
    for log in &logs {
        for (ordinal, n) in [(0, 1), (1003, 2), (i64::MAX, u64::MAX)] {
            let quarantine = data_file(&destination("_quarantine", "2026-11-22", log), Ordinal::new(ordinal));
            let quarantine = parse_data_file(&quarantine).unwrap();
            for table in ["account", "_messages", log].into_iter().filter(|table| *table != "_quarantine") {
                let path = redriven_file(table, &quarantine, n);
                let name = parse_redriven_file(&path).unwrap_or_else(|| panic!("{path}"));
                assert_eq!((&name.quarantine, name.n, name.path()), (&quarantine, n, path.clone()));
                assert_eq!(name.folder, folder_name(table));
                assert_eq!(parse_data_file(&path), None, "{path}");
                let longest = path.as_ref().split('/').map(str::len).max().unwrap();
                assert!(longest <= 250, "{path}");
                keys.push((format!("{table} {quarantine:?} {n}"), path.to_string()));
            }
            assert_eq!(parse_redriven_file(&quarantine.path()), None);
            let plan = redrive_plan(&quarantine, n);
            assert_eq!(parse_redrive_plan(&plan), Some((quarantine.clone(), n)), "{plan}");
            keys.push((format!("plan {quarantine:?} {n}"), plan.to_string()));
            keys.push((format!("chain {quarantine:?}"), quarantine.path().to_string()));
        }
    }
    let mut seen: HashMap<String, String> = HashMap::new();
    for (of, key) in keys {
        let other = seen.entry(key.to_lowercase()).or_insert_with(|| of.clone());
        assert_eq!(*other, of, "both are {key}");
    }
}

#[test]
fn rejects_names_that_are_not_a_redriven_file() {
    let day = "account/enqueued_date=2026-11-22";
    let stem = "hub-5-p0007-00000000000000001003";
    let cases = [
        format!("{day}/{stem}-r0.cw.parquet"),
        format!("{day}/{stem}-r01.cw.parquet"),
        format!("{day}/{stem}-r+1.cw.parquet"),
        format!("{day}/{stem}-R1.cw.parquet"),
        format!("{day}/{stem}-r.cw.parquet"),
        format!("{day}/{stem}-r1-r1.cw.parquet"),
        format!("{day}/{stem}-1.cw.parquet"),
        format!("{day}/{stem}-r1.cw.parquet.tmp"),
        format!("{day}/hub-5-p0007-1003-r1.cw.parquet"),
        format!("{day}/hub-r1.cw.parquet"),
        format!("more/{day}/{stem}-r1.cw.parquet"),
        format!("account/{stem}-r1.cw.parquet"),
        format!("_quarantine/enqueued_date=2026-11-22/{stem}-r1.cw.parquet"),
        format!("_catchwater/enqueued_date=2026-11-22/{stem}-r1.cw.parquet"),
    ];
    for text in cases {
        assert_eq!(parse_redriven_file(&Key::parse(&text).unwrap()), None, "{text}");
    }
    let plans = "_catchwater/redrive";
    for text in [
        format!("{plans}/2026-11-22/{stem}-0.json"),
        format!("{plans}/2026-11-22/{stem}-01.json"),
        format!("{plans}/2026-11-22/{stem}.json"),
        format!("{plans}/2026-11-31/{stem}-1.json"),
        format!("{plans}/{stem}-1.json"),
        format!("redrive/2026-11-22/{stem}-1.json"),
    ] {
        assert_eq!(parse_redrive_plan(&Key::parse(&text).unwrap()), None, "{text}");
    }
}

#[test]
fn records_have_their_paths() {
    let source = source("hub-5-p0007");
    let cases = [
        (lake_record(), "_catchwater/lake.json"),
        (schema("account", 12), "_catchwater/schema/account/12.json"),
        (schema("A b", 1), "_catchwater/schema/table$%41%20b/1.json"),
        (schema_folder(), "_catchwater/schema"),
        (schema_folder_of("A"), "_catchwater/schema/table$%41"),
        (origin(&source), "_catchwater/origin/hub-5-p0007.json"),
        (rules(&source, 3), "_catchwater/rules/hub-5-p0007-3.json"),
        (lost(&source, Ordinal::new(40)), "_catchwater/lost/hub-5-p0007-40.json"),
        (gap_record(GapCause::NotSent, &source, Ordinal::new(40)), "_catchwater/gaps/hub-5-p0007-40.json"),
        (
            gap_record(GapCause::Unreadable, &source, Ordinal::new(40)),
            "_catchwater/skipped/hub-5-p0007-40.json",
        ),
        (gap_folder(GapCause::NotSent), "_catchwater/gaps"),
        (gap_folder(GapCause::Unreadable), "_catchwater/skipped"),
        (redrive_folder(), "_catchwater/redrive"),
        (table_folder("A"), "table$%41"),
        (date_folder("a", Date::UNKNOWN), "a/enqueued_date=1970-01-01"),
    ];
    for (path, text) in cases {
        assert_eq!(path.as_ref(), text);
    }
    assert_eq!(parse_origin(&origin(&source)), Some(source.clone()));
    assert_eq!(parse_rules(&rules(&source, 3)), Some((source.clone(), 3)));
    assert_eq!(parse_lost(&lost(&source, Ordinal::new(40))), Some((source.clone(), Ordinal::new(40))));
    for cause in GapCause::ALL {
        let path = gap_record(cause, &source, Ordinal::new(40));
        assert_eq!(parse_gap_record(&path), Some((cause, source.clone(), Ordinal::new(40))));
        assert_eq!(parse_lost(&path), None);
    }
    assert_eq!(parse_gap_record(&lost(&source, Ordinal::new(40))), None);
    assert_eq!(parse_gap_record(&Key::from("_catchwater/gaps/hub-5-p0007-040.json")), None);
    assert_eq!(parse_origin(&Key::from("_catchwater/lost/hub-5-p0007.json")), None);
    assert_eq!(parse_rules(&Key::from("_catchwater/rules/hub-5-p0007-03.json")), None);
    assert_eq!(parse_lost(&Key::from("_catchwater/lost/hub-5-p0007.json")), None);
}

#[test]
fn only_folders_as_spelled_by_us_are_table_folders() {
    let long = "x".repeat(300);
    for table in [
        "account",
        "new_a1",
        "ACCOUNT",
        "a b",
        "",
        "_other",
        "_messages",
        "_quarantine",
        "ä\n",
        long.as_str(),
    ] {
        assert!(is_table_folder(&folder_name(table)), "{table:?}");
    }
    let beyond = "x".repeat(MAX_NAME_BYTES + 1);
    for other in [
        "lost+found",
        "",
        ".snapshot",
        "_catchwater",
        "_other",
        "Account",
        "a.b",
        "table$%4",
        "table$%4g",
        "table$A",
    ]
    .into_iter()
    .chain([beyond.as_str()])
    {
        assert!(!is_table_folder(other), "{other}");
    }
}
