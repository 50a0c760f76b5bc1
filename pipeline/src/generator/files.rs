//! Bodies from files: each file of a folder, or each line of an `.ndjson` file, bytes untouched.
//!
//! Files come in the order of their names, lines in theirs. A line stands without its newline, the last one
//! counts without having one, and an empty line is no event. An empty file is an event with an empty body.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The bodies of a folder or a file, in order.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    /// The next of `paths`.
    next: usize,
    lines: Option<BufReader<File>>,
    /// How many bodies are still to come; `None` is each once.
    events: Option<u64>,
    /// This round over the files gave a body.
    any: bool,
}

/// One body of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The bytes as they stand in the file.
    pub body: Vec<u8>,
    /// By the ending of the file.
    pub content_type: &'static str,
}

impl Files {
    /// Opens a folder or a file. Each body comes once; with `events` the files are gone over again and again
    /// until so many have come.
    pub fn open(path: &Path, events: Option<u64>) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut paths = Vec::new();
        if fs::metadata(path).map_err(failed)?.is_dir() {
            for entry in fs::read_dir(path).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.is_file() {
                    paths.push(path);
                }
            }
            paths.sort();
        } else {
            paths.push(path.to_owned());
        }
        if paths.is_empty() {
            return Err(Error::Nothing(path.to_owned()));
        }
        Ok(Self { paths, next: 0, lines: None, events, any: false })
    }

    /// The next body of this round; `None` at its end.
    fn next_in_round(&mut self) -> Result<Option<Sample>, Error> {
        loop {
            if let Some(lines) = &mut self.lines {
                let path = &self.paths[self.next - 1];
                match next_line(lines).map_err(|source| Error::Read { path: path.clone(), source })? {
                    Some(body) => return Ok(Some(Sample { body, content_type: JSON })),
                    None => self.lines = None,
                }
            }
            let Some(path) = self.paths.get(self.next) else { return Ok(None) };
            self.next += 1;
            let failed = |source| Error::Read { path: path.clone(), source };
            if ending(path) == "ndjson" {
                self.lines = Some(BufReader::new(File::open(path).map_err(failed)?));
            } else {
                let content_type = content_type(path);
                return Ok(Some(Sample { body: fs::read(path).map_err(failed)?, content_type }));
            }
        }
    }

    fn next_of_all(&mut self) -> Result<Option<Sample>, Error> {
        if self.events == Some(0) {
            return Ok(None);
        }
        let mut sample = self.next_in_round()?;
        if sample.is_none() && self.events.is_some() {
            if !self.any {
                return Err(Error::Nothing(self.paths[0].clone()));
            }
            self.next = 0;
            sample = self.next_in_round()?;
        }
        self.any |= sample.is_some();
        if let (Some(_), Some(events)) = (&sample, &mut self.events) {
            *events -= 1;
        }
        Ok(sample)
    }
}

impl Iterator for Files {
    type Item = Result<Sample, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let sample = self.next_of_all();
        if sample.is_err() {
            // A file that can't be read ends the stream: what comes behind it would be out of order.
            self.events = Some(0);
        }
        sample.transpose()
    }
}

/// Why bodies can't be taken from files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read.
    #[error("{path} can't be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no body in it.
    #[error("{0} holds no event")]
    Nothing(PathBuf),
}

/// The next line that is not empty, without its newline.
fn next_line(lines: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        line.pop_if(|last| *last == b'\n');
        if !matches!(line.as_slice(), b"" | b"\r") {
            return Ok(Some(line));
        }
        line.clear();
    }
    Ok(None)
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn content_type(path: &Path) -> &'static str {
    match ending(path).as_str() {
        "json" | "ndjson" => JSON,
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}

const JSON: &str = "application/json";

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `files` into a folder and gives the bodies of `path` in it.
    fn read(files: &[(&str, &str)], path: &str, events: Option<u64>) -> Vec<(String, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Files::open(&folder.path().join(path), events)
            .unwrap()
            .map(|sample| sample.unwrap())
            .map(|sample| (String::from_utf8(sample.body).unwrap(), sample.content_type))
            .collect()
    }

    #[test]
    fn files_come_in_the_order_of_their_names_with_their_content_type() {
        let files = [("b.xml", "<b/>"), ("a.json", "{\n}\n"), ("c.bin", ""), ("d.ndjson", "1\n2\n")];
        let expected = [
            ("{\n}\n", "application/json"),
            ("<b/>", "application/xml"),
            ("", "application/octet-stream"),
            ("1", "application/json"),
            ("2", "application/json"),
        ];
        assert_eq!(read(&files, "", None), expected.map(|(body, kind)| (body.to_owned(), kind)));
    }

    #[test]
    fn lines_are_untouched_and_empty_ones_no_event() {
        let lines = read(&[("x.ndjson", "{\"a\":1}\r\n\n\r\n {} \nlast")], "x.ndjson", None);
        let bodies: Vec<_> = lines.iter().map(|(body, _)| body.as_str()).collect();
        assert_eq!(bodies, ["{\"a\":1}\r", " {} ", "last"]);
    }

    #[test]
    fn a_count_goes_over_the_files_again_or_stops_early() {
        let files = [("a.json", "a"), ("b.ndjson", "b\nc")];
        for (events, expected) in [(0, ""), (2, "ab"), (3, "abc"), (7, "abcabca")] {
            let joined: String = read(&files, "", Some(events)).into_iter().map(|(body, _)| body).collect();
            assert_eq!(joined, expected);
        }
    }

    #[test]
    fn nothing_to_send_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Files::open(folder.path(), None), Err(Error::Nothing(_))));
        let path = folder.path().join("e.ndjson");
        fs::write(&path, "\n\n").unwrap();
        let mut files = Files::open(&path, Some(3)).unwrap();
        assert!(matches!(files.next(), Some(Err(Error::Nothing(_)))));
        assert!(files.next().is_none());
        assert!(matches!(Files::open(&folder.path().join("no"), None), Err(Error::Read { .. })));
    }
}
