//! Event bodies: generated in four sizes and two formats, or real.
//!
//! Owns: which bodies the stages are given. Does not own: how they are made up (`catchwater::internals::generator`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use catchwater::internals::generator::{Format, Generator, Size};

use crate::effort::Effort;
use crate::turns::Load;

/// One seed, so that every run and every machine has the same bytes.
pub const SEED: u64 = 20_260_105;

/// Bodies one behind the other, as they lie in a batch.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bodies {
    /// `count` bodies of the generator.
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

    /// Their bytes together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All of them once.
    pub fn load(&self) -> Load {
        Load { events: self.count(), bytes: self.bytes() }
    }

    /// A line for each; the serializer writes none within a body.
    pub fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.bytes() + self.count());
        for body in self.iter() {
            lines.extend_from_slice(body);
            lines.push(b'\n');
        }
        lines
    }

    /// The first bodies.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let mut first = Self::default();
        self.iter().take(count).for_each(|body| first.push(body));
        first
    }
}

/// A kind of bodies.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its name in results: size and format.
    pub name: &'static str,
    /// Size of generated bodies; `None` for real ones.
    pub size: Option<Size>,
    /// Their form.
    pub format: Format,
    /// Number of bodies of about 14 MB: more than a core's own caches hold, less than a large shared one.
    count: usize,
}

const fn shape(name: &'static str, size: Size, format: Format, count: usize) -> Shape {
    Shape { name, size: Some(size), format, count }
}

/// All kinds.
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
    /// The shape of this name.
    pub fn named(name: &str) -> Option<Self> {
        SHAPES.into_iter().find(|shape| shape.name == name)
    }

    /// The bodies; none when they are real ones that are not here.
    ///
    /// # Errors
    /// A corpus that can't be read.
    pub fn bodies(&self, effort: Effort, times: usize) -> io::Result<Option<Bodies>> {
        self.bodies_in(self.format, effort, times)
    }

    /// The same events as JSON.
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

/// Real bodies, gone over again and again; none when the corpus is not beside the project.
///
/// Both formats have the same events: those that were published in both. A byte order mark is left off, since
/// rivals do not know it.
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

/// The folder of real bodies: beside the project, since we may not copy them.
pub fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus")
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
