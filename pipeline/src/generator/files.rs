//! Bodies from files: each file of a folder, or each line of an `.ndjson` file, unchanged.
//!
//! Files are read in the order of their names, and lines in the order of the file. The newline is not part of a body
//! and optional after the last line; empty lines are skipped. An empty file is an event with an empty body.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The bodies of a folder or a file, in order.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    /// Index of the next file.
    next: usize,
    /// The remaining lines of the current `.ndjson` file.
    lines: Option<BufReader<File>>,
    /// Number of remaining bodies; `None` means one pass over the files.
    events_left: Option<u64>,
    /// At least one body was read.
    any: bool,
}

/// One body of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The bytes of the file or line.
    pub body: Vec<u8>,
    /// Content type, derived from the file name extension.
    pub content_type: &'static str,
}

impl Files {
    /// Opens a folder or a file. By default each body is returned once. `events` sets the number of bodies: the files
    /// are repeated or cut short.
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
        Ok(Self { paths, next: 0, lines: None, events_left: events, any: false })
    }

    /// Returns the next body of this pass over the files; `None` at its end.
    fn next_in_pass(&mut self) -> Result<Option<Sample>, Error> {
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
            if extension(path) == "ndjson" {
                self.lines = Some(BufReader::new(File::open(path).map_err(failed)?));
            } else {
                let content_type = content_type(path);
                return Ok(Some(Sample { body: fs::read(path).map_err(failed)?, content_type }));
            }
        }
    }

    fn next_sample(&mut self) -> Result<Option<Sample>, Error> {
        if self.events_left == Some(0) {
            return Ok(None);
        }
        let mut sample = self.next_in_pass()?;
        if sample.is_none() && self.events_left.is_some() {
            if !self.any {
                return Err(Error::Nothing(self.paths[0].clone()));
            }
            self.next = 0;
            sample = self.next_in_pass()?;
        }
        self.any |= sample.is_some();
        if let (Some(_), Some(events_left)) = (&sample, &mut self.events_left) {
            *events_left -= 1;
        }
        Ok(sample)
    }
}

impl Iterator for Files {
    type Item = Result<Sample, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let sample = self.next_sample();
        if sample.is_err() {
            // The stream ends here, since later bodies would be out of order.
            self.events_left = Some(0);
        }
        sample.transpose()
    }
}

/// Failure to read bodies from files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read.
    #[error("{path} can't be read")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The folder or file contains no body.
    #[error("{0} contains no event")]
    Nothing(PathBuf),
}

/// Returns the next line that is not empty, without its newline.
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

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn content_type(path: &Path) -> &'static str {
    match extension(path).as_str() {
        "json" | "ndjson" => JSON,
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}

const JSON: &str = "application/json";

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `files` into a folder and returns the bodies of `path` in it.
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
    fn files_are_read_in_name_order_with_their_content_type() {
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
    fn lines_are_untouched_and_empty_lines_are_skipped() {
        let lines = read(&[("x.ndjson", "{\"a\":1}\r\n\n\r\n {} \nlast")], "x.ndjson", None);
        let bodies: Vec<_> = lines.iter().map(|(body, _)| body.as_str()).collect();
        assert_eq!(bodies, ["{\"a\":1}\r", " {} ", "last"]);
    }

    #[test]
    fn event_count_repeats_files_or_stops_early() {
        let files = [("a.json", "a"), ("b.ndjson", "b\nc")];
        for (events, expected) in [(0, ""), (2, "ab"), (3, "abc"), (7, "abcabca")] {
            let joined: String = read(&files, "", Some(events)).into_iter().map(|(body, _)| body).collect();
            assert_eq!(joined, expected);
        }
    }

    #[test]
    fn missing_and_empty_sources_are_errors() {
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
