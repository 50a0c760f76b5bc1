//! Event bodies: generated in four sizes and two formats, or real ones of the corpus.
//!
//! Owns: the input of the stages. Does not own: generating bodies (`catchwater::internals::generator`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use catchwater::internals::generator::{Format, Generator, Size};

use crate::effort::Effort;
use crate::turns::Load;

/// Seed of the generator: every run on every machine has the same bytes.
pub const SEED: u64 = 20_260_105;

/// Bodies in one buffer, one after the other, as in a batch.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bodies {
    /// Generates bodies.
    pub fn generated(size: Size, format: Format, count: usize) -> Self {
        let mut generator = Generator::new(SEED, size).in_format(format);
        let mut bodies = Self::default();
        for _ in 0..count {
            generator.next(&mut bodies.bytes);
            bodies.ends.push(bodies.bytes.len());
        }
        bodies
    }

    /// Adds a body.
    pub fn push(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(body);
        self.ends.push(self.bytes.len());
    }

    /// The bodies, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[begin..*end])
    }

    /// Number of bodies.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Total size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Load of a round that reads each body once.
    pub fn load(&self) -> Load {
        Load { events: self.count(), bytes: self.bytes() }
    }

    /// The bodies as lines; the serializer writes no line breaks within a body.
    pub fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.bytes() + self.count());
        for body in self.iter() {
            lines.extend_from_slice(body);
            lines.push(b'\n');
        }
        lines
    }

    /// The first `count` bodies.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let mut first = Self::default();
        self.iter().take(count).for_each(|body| first.push(body));
        first
    }
}

/// A set of bodies: size, format and number.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Name in results: size and format.
    pub name: &'static str,
    /// Size of generated bodies; `None` for the corpus.
    pub size: Option<Size>,
    /// Format of the bodies.
    pub format: Format,
    /// Number of bodies, about 14 MB: more than the private caches of a core, less than a large shared cache.
    count: usize,
}

const fn shape(name: &'static str, size: Size, format: Format, count: usize) -> Shape {
    Shape { name, size: Some(size), format, count }
}

/// All shapes.
pub const SHAPES: [Shape; 10] = [
    shape("small/json", Size::Small, Format::Json, 8_000),
    shape("typical/json", Size::Typical, Format::Json, 4_500),
    shape("large/json", Size::Large, Format::Json, 700),
    shape("mixed/json", Size::Mixed, Format::Json, 5_500),
    Shape { name: "corpus/json", size: None, format: Format::Json, count: 1_000 },
    shape("small/xml", Size::Small, Format::Xml, 4_000),
    shape("typical/xml", Size::Typical, Format::Xml, 2_200),
    shape("large/xml", Size::Large, Format::Xml, 350),
    shape("mixed/xml", Size::Mixed, Format::Xml, 2_700),
    Shape { name: "corpus/xml", size: None, format: Format::Xml, count: 500 },
];

impl Shape {
    /// Finds a shape by its name.
    pub fn named(name: &str) -> Option<Self> {
        SHAPES.into_iter().find(|shape| shape.name == name)
    }

    /// The bodies; `None` if they need the corpus and it is absent.
    ///
    /// # Errors
    /// A corpus that can't be read.
    pub fn bodies(&self, effort: Effort, times: usize) -> io::Result<Option<Bodies>> {
        self.bodies_in(self.format, effort, times)
    }

    /// The same events as JSON; `None` if they need the corpus and it is absent.
    ///
    /// # Errors
    /// A corpus that can't be read.
    pub fn json(&self, effort: Effort, times: usize) -> io::Result<Option<Bodies>> {
        self.bodies_in(Format::Json, effort, times)
    }

    fn bodies_in(&self, format: Format, effort: Effort, times: usize) -> io::Result<Option<Bodies>> {
        let count = effort.events(self.count * times);
        match self.size {
            Some(size) => Ok(Some(Bodies::generated(size, format, count))),
            None => corpus(format, count),
        }
    }
}

/// Real bodies, repeated up to `count`; `None` if the corpus is absent.
///
/// Both formats have the same events: those published in both. A byte order mark is removed, since rivals do not
/// accept it.
fn corpus(format: Format, count: usize) -> io::Result<Option<Bodies>> {
    let corpus = corpus_folder();
    if !corpus.join("json_wire").is_dir() {
        return Ok(None);
    }
    let mut bodies = Vec::new();
    for path in sorted(&corpus.join("json_wire"))? {
        let Some(name) = path.file_stem() else { continue };
        let paired = corpus.join("xml").join(format!("derived_{}.xml", name.to_string_lossy()));
        if paired.is_file() {
            bodies.push(fs::read(if format == Format::Json { path } else { paired })?);
        }
    }
    let mut all = Bodies::default();
    for body in bodies.iter().cycle().take(if bodies.is_empty() { 0 } else { count }) {
        all.push(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body));
    }
    Ok(Some(all))
}

/// Folder of real bodies. It is beside the project because we may not redistribute them.
pub fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus")
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
