//! Damages to a lake and the findings of an audit, each on a copy of a small lake that the real binary has written.
//!
//! `docs/EXACTLY_ONCE.md` lists damages that an audit can't find.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[allow(dead_code, reason = "shared with tests that run scripts of their own files")]
#[path = "support/python.rs"]
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use processes::{Hub, audit, catchwater, json, output_text};
use tempfile::TempDir;

/// The expected outcome of an audit.
enum Outcome {
    /// Exit code 5, and a finding contains these words.
    Found(&'static str),
    /// Exit code 0, and a warning contains these words.
    Warned(&'static str),
    /// Exit code 0, correctly.
    Clean,
}

use Outcome::{Clean, Found, Warned};

/// A way to damage a lake.
type Damage = (&'static str, fn(&Lake), Outcome);

const DAMAGES: [Damage; 31] = [
    (
        "the first file of a chain is gone",
        |lake| remove(&lake.chain()[0]),
        Found("is the first of its chain"),
    ),
    ("a file in the middle of a chain is gone", |lake| remove(&lake.chain()[1]), Found("should continue at")),
    ("the last file of a chain is gone", |lake| remove(&lake.chain()[2]), Found("have no row, the first is")),
    (
        "a copy of a file has a name outside the chain",
        |lake| copy(&lake.chain()[1], &lake.chain()[1].with_file_name("copy.cw.parquet")),
        Found("is not a data file, but the readers' glob matches it"),
    ),
    (
        "a copy of a file has a name of its chain",
        |lake| copy(&lake.chain()[1], &renumbered(&lake.chain()[1], 999_999)),
        Found("its footer has continues_at"),
    ),
    (
        "a copy of a file is in the folder of another day",
        |lake| copy(&lake.chain()[0], &lake.in_another_day(&lake.chain()[0])),
        Found("its footer has date"),
    ),
    (
        "a file is cut in half",
        |lake| edit(&lake.chain()[1], |bytes| bytes.truncate(bytes.len() / 2)),
        Found("can't be read"),
    ),
    ("a file is empty", |lake| edit(&lake.chain()[1], Vec::clear), Found("can't be read")),
    (
        "files of two partitions are swapped",
        |lake| swap(&lake.chain()[0], &lake.other_chain()[0]),
        Found("its footer has source"),
    ),
    (
        "a byte of the footer's structure is changed",
        |lake| edit(&lake.chain()[1], |bytes| break_footer(bytes)),
        Found("can't be read"),
    ),
    (
        "a column is renamed in a footer",
        |lake| edit(&lake.chain()[1], |bytes| rename_column(bytes)),
        Found("its footer does not match its checksum"),
    ),
    (
        "a byte of a page at 2 % is changed",
        |lake| edit(&lake.chain()[1], |bytes| flip(bytes, 2)),
        Found("is damaged: column"),
    ),
    (
        "a byte of a page at 30 % is changed",
        |lake| edit(&lake.chain()[1], |bytes| flip(bytes, 30)),
        Found("is damaged: column"),
    ),
    (
        "a byte of a page at 60 % is changed",
        |lake| edit(&lake.chain()[1], |bytes| flip(bytes, 60)),
        Found("is damaged: column"),
    ),
    (
        "a byte of a page at 95 % is changed",
        |lake| edit(&lake.chain()[1], |bytes| flip(bytes, 95)),
        Found("is damaged: column"),
    ),
    (
        "a file of another program is beside the data files",
        |lake| lake.duckdb("COPY (SELECT 1 AS one) TO '{folder}/other.parquet' (FORMAT parquet)"),
        Clean,
    ),
    (
        "another program has compacted the files",
        |lake| {
            lake.duckdb("COPY (SELECT * FROM read_parquet('{folder}/*.parquet', union_by_name = true)) TO '{folder}/../all.parquet' (FORMAT parquet)");
            lake.chain().iter().chain(&lake.other_chain()).for_each(|file| remove(file));
        },
        Found("have no row, the first is"),
    ),
    (
        "another program has rewritten a file under its name, with its footer facts",
        |lake| {
            let rewrite = "COPY (SELECT * FROM read_parquet('{file}')) TO '{file}.new' (FORMAT parquet, KV_METADATA {catchwater: '{facts}'})";
            lake.duckdb(rewrite);
            let file = &lake.chain()[1];
            fs::rename(file.with_extension("parquet.new"), file).unwrap();
        },
        Found("was written by DuckDB"),
    ),
    (
        "a file is in the folder of another day",
        |lake| rename(&lake.chain()[2], &lake.in_another_day(&lake.chain()[2])),
        Found("its footer has date"),
    ),
    (
        "a file is in the folder of another table",
        |lake| rename(&lake.chain()[2], &lake.in_table(&lake.chain()[2], "other")),
        Found("its footer has table"),
    ),
    (
        "a table is renamed",
        |lake| rename(&lake.table(), &lake.0.join("renamed")),
        Found("its footer has table"),
    ),
    (
        "a file of another lake has the name",
        |lake| edit(&lake.chain()[1], |bytes| change_lake(bytes)),
        Found("its footer does not match its checksum"),
    ),
    (
        "the lake's identity is gone",
        |lake| remove(&lake.record("lake.json")),
        Found("the lake has data files, but no identity"),
    ),
    (
        "all records are gone",
        |lake| fs::remove_dir_all(lake.record("")).unwrap(),
        Found("the lake has data files, but no identity"),
    ),
    (
        "the lake's identity is empty",
        |lake| edit(&lake.record("lake.json"), Vec::clear),
        Found("lake.json can't be parsed"),
    ),
    (
        "a checkpoint is empty",
        |lake| edit(&lake.checkpoint(), Vec::clear),
        Warned("ignored an unreadable checkpoint"),
    ),
    (
        "the schema records are gone",
        |lake| fs::remove_dir_all(lake.record("schema")).unwrap(),
        Found("files, but no schema record"),
    ),
    (
        "the origins are gone",
        |lake| fs::remove_dir_all(lake.record("origin")).unwrap(),
        Found("has rows and no origin record"),
    ),
    ("the checkpoints are gone", |lake| fs::remove_dir_all(lake.record("checkpoints")).unwrap(), Clean),
    (
        "a day is gone",
        |lake| fs::remove_dir_all(lake.chain()[0].parent().unwrap()).unwrap(),
        Found("have no row, the first is"),
    ),
    ("a table is gone", |lake| fs::remove_dir_all(lake.table()).unwrap(), Found("have no row, the first is")),
];

#[test]
fn every_damage_has_its_expected_outcome() {
    let Some(interpreter) = python::interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let intact = written(&folder, &interpreter);
    let mut wrong = Vec::new();
    for (at, (case, damage, outcome)) in DAMAGES.iter().enumerate() {
        let lake = intact.copied(&folder.path().join(at.to_string()));
        damage(&lake);
        let output = catchwater(&["audit", "--lake", lake.path()]).output().unwrap();
        let (code, words) = match outcome {
            Found(words) => (5, *words),
            Warned(words) => (0, *words),
            Clean => (0, "clean: "),
        };
        let text = output_text(&output);
        if output.status.code() != Some(code) || !text.contains(words) {
            wrong.push(format!("{case}: {} instead of {code} with {words:?}:\n{text}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Writes a lake of 100 events of two partitions, three files for each chain.
fn written(folder: &TempDir, interpreter: &Path) -> Lake {
    let lake = Lake(folder.path().join("intact"), interpreter.to_owned());
    let hub = Hub::start(2);
    for (round, events) in ["17", "17", "16"].into_iter().enumerate() {
        for partition in ["0", "1"] {
            let (seed, hub) = (round.to_string(), &hub.connection_string);
            let what = ["send", "--json", "--generate", "mixed", "--events", events, "--seed", &seed];
            json(&[&what[..], &["--partition", partition, "--connection-string", hub]].concat());
        }
        hub.run(&lake.0);
    }
    assert_eq!(audit(&lake.0)["events"], 100);
    assert_eq!((lake.chain().len(), lake.other_chain().len()), (3, 3));
    lake
}

/// A lake in a folder, and a Python interpreter with DuckDB.
struct Lake(PathBuf, PathBuf);

impl Lake {
    /// A copy to damage.
    fn copied(&self, to: &Path) -> Self {
        let output = Command::new("cp").arg("-r").arg(&self.0).arg(to).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        Self(to.to_owned(), self.1.clone())
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The table that is damaged.
    fn table(&self) -> PathBuf {
        self.0.join("contact")
    }

    /// The files of a chain, in order.
    fn chain(&self) -> Vec<PathBuf> {
        self.files("-p0000-")
    }

    /// The files of the table's other partition.
    fn other_chain(&self) -> Vec<PathBuf> {
        self.files("-p0001-")
    }

    fn files(&self, partition: &str) -> Vec<PathBuf> {
        let days = entries(&self.table());
        let files = days.iter().filter(|day| day.is_dir()).flat_map(|day| entries(day));
        files.filter(|file| name_of(file).contains(partition)).collect()
    }

    fn record(&self, name: &str) -> PathBuf {
        self.0.join("_catchwater").join(name)
    }

    /// The checkpoint of the first partition.
    fn checkpoint(&self) -> PathBuf {
        let mut folder = self.record("checkpoints");
        while folder.is_dir() {
            folder = entries(&folder).remove(0);
        }
        folder
    }

    fn in_another_day(&self, file: &Path) -> PathBuf {
        self.table().join("enqueued_date=2001-02-03").join(file.file_name().unwrap())
    }

    fn in_table(&self, file: &Path, table: &str) -> PathBuf {
        let rest = file.strip_prefix(self.table()).unwrap();
        self.0.join(table).join(rest)
    }

    /// Runs SQL, in which `{file}`, `{folder}` and `{facts}` are those of the second file of the chain.
    fn duckdb(&self, sql: &str) {
        const SCRIPT: &str = r#"
import sys, duckdb
file, folder, sql = sys.argv[1:]
connection = duckdb.connect()
facts = connection.execute("SELECT value FROM parquet_kv_metadata(?) WHERE key = 'catchwater'::BLOB", [file]).fetchone()[0]
for name, value in {"file": file, "folder": folder, "facts": bytes(facts).decode()}.items():
    sql = sql.replace("{" + name + "}", value)
connection.execute(sql)
"#;
        let file = &self.chain()[1];
        let mut command = Command::new(&self.1);
        let output =
            command.args(["-c", SCRIPT]).arg(file).arg(file.parent().unwrap()).arg(sql).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

fn remove(file: &Path) {
    fs::remove_file(file).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

fn rename(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(from, to).unwrap();
}

fn swap(one: &Path, other: &Path) {
    let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
    fs::write(one, second).unwrap();
    fs::write(other, first).unwrap();
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// The name of the file if it continued at this number.
fn renumbered(file: &Path, continues_at: u64) -> PathBuf {
    let name = name_of(file);
    let (source, _) = name.rsplit_once('-').unwrap();
    file.with_file_name(format!("{source}-{continues_at:020}.cw.parquet"))
}

/// The offset of the footer of a file.
fn footer_offset(bytes: &[u8]) -> usize {
    let end = bytes.len() - 8;
    end - u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize
}

/// Flips a bit of a page, at this percentage of the pages: the first half of the bytes before the footer, as bloom
/// filters follow.
fn flip(bytes: &mut [u8], percent: usize) {
    let at = 4 + footer_offset(bytes) / 2 * percent / 100;
    bytes[at] ^= 0x10;
}

/// Changes the type of the first field of the footer.
fn break_footer(bytes: &mut [u8]) {
    let at = footer_offset(bytes);
    bytes[at] = 0xff;
}

/// Renames a column, everywhere in the footer, to a name that no schema has.
fn rename_column(bytes: &mut [u8]) {
    let at = footer_offset(bytes);
    replace(&mut bytes[at..], b"_initiating_us", b"_initiating0us");
}

/// Changes a digit of the lake's id.
fn change_lake(bytes: &mut [u8]) {
    let at = footer_offset(bytes);
    let found = bytes[at..].windows(8).position(|part| part == br#""lake":""#).unwrap();
    let digit = &mut bytes[at + found + 8];
    *digit = if *digit == b'0' { b'1' } else { b'0' };
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    let places: Vec<usize> =
        (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
}
