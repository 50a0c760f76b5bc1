//! Yardsticks: simd-json's tape of the same bodies, and the memory bandwidth.

use std::hint::black_box;
use std::io;

use simd_json::{Buffers, Node, Tape};

use crate::bodies::Bodies;
use crate::clock;
use crate::turns::Contender;

/// simd-json as its users call it: the body is copied; buffers and tape are reused.
#[expect(missing_debug_implementations, reason = "the library's buffers do not implement it")]
pub struct PlainTape {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for PlainTape {
    fn default() -> Self {
        Self { scratch: Vec::new(), buffers: Buffers::default(), tape: Tape(Vec::new()) }
    }
}

impl PlainTape {
    /// Fills the tape and passes it to `look`.
    ///
    /// # Errors
    /// The body is not JSON.
    pub fn fill(&mut self, body: &[u8], look: impl FnOnce(&[Node<'_>])) -> simd_json::Result<()> {
        self.scratch.clear();
        self.scratch.extend_from_slice(body);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape(&mut self.scratch, &mut self.buffers, &mut tape);
        look(&tape.0);
        self.tape = tape.reset();
        filled
    }

    /// Fills the tape once for each body.
    pub fn fill_all(&mut self, bodies: &Bodies) {
        for body in bodies.iter() {
            black_box(self.fill(body, |nodes| _ = black_box(nodes)).is_ok());
        }
    }
}

/// Contender that is the yardstick of the stages.
pub fn tape(bodies: &Bodies) -> Contender<'_> {
    let mut tape = PlainTape::default();
    Contender::new("tape", move || tape.fill_all(bodies))
}

/// Copy bandwidth of this thread at present, in GB/s.
///
/// # Errors
/// The system does not report CPU time.
pub fn memcpy_gb_per_s() -> io::Result<f64> {
    /// Larger than the private caches of a core.
    const BYTES: usize = 8 << 20;
    const TIMES: usize = 40;
    let source = vec![1_u8; BYTES];
    let mut target = vec![2_u8; BYTES];
    target.copy_from_slice(&source);
    let (time, ()) = clock::timed(|| {
        for _ in 0..TIMES {
            black_box(&mut target).copy_from_slice(black_box(&source));
        }
    })?;
    Ok((BYTES * TIMES) as f64 / time.as_secs_f64() / 1e9)
}
