//! A few bodies parsed before anybody looks at the first.
//!
//! Owns: how many. Does not own: parsing one (`Parser`).
//!
//! What parses and what writes rows are more instructions together than a processor's first cache holds. In turn for
//! each event they push each other out of it; for some events at once they do not.

use std::iter::Peekable;

use super::{ParentContext, Parser};
use crate::event::{ChangeEvent, Reject};

/// How many bodies at most. More gain nothing, and their trees leave the cache before they are read.
const AT_ONCE: usize = 8;

/// How many bytes at most, unless one body alone has more: a parser keeps the memory that its largest took, and so only
/// the first of them is ever large.
const BYTES_AT_ONCE: usize = 64 << 10;

/// Several parsers, for bodies one behind the other.
#[derive(Debug)]
pub struct Parsers([Parser; AT_ONCE]);

impl Parsers {
    /// Parsers whose buffers grow with their first bodies.
    pub fn new(parent_context: ParentContext) -> Self {
        Self(std::array::from_fn(|_| Parser::new(parent_context)))
    }

    /// Reads the next few bodies, in their order, each with whatever it comes with; none at the end of them.
    pub fn parse_some<'p, 'b: 'p, T, B: Iterator<Item = (&'b [u8], T)>>(
        &'p mut self,
        bodies: &mut Peekable<B>,
    ) -> impl Iterator<Item = (T, Result<ChangeEvent<'p>, Reject>)> + use<'p, 'b, T, B> {
        let mut room = None;
        let parsed = self.0.each_mut().map(|parser| {
            let (body, with) = bodies.next_if(|(body, _)| room.is_none_or(|room| body.len() <= room))?;
            room = Some(room.unwrap_or(BYTES_AT_ONCE).saturating_sub(body.len()));
            Some((with, parser.parse(body)))
        });
        parsed.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bodies of these lengths are parsed at once, time after time; each of them comes once, in its order.
    fn groups(lengths: &[usize]) -> Vec<usize> {
        let bodies: Vec<Vec<u8>> = lengths.iter().map(|len| vec![b'x'; *len]).collect();
        let mut parsers = Parsers::new(ParentContext::Drop);
        let mut bodies = bodies.iter().map(Vec::as_slice).zip(0..).peekable();
        let (mut groups, mut numbers) = (vec![], vec![]);
        while bodies.peek().is_some() {
            let before = numbers.len();
            for (number, event) in parsers.parse_some(&mut bodies) {
                assert!(event.is_err());
                numbers.push(number);
            }
            groups.push(numbers.len() - before);
        }
        assert_eq!(numbers, (0..lengths.len()).collect::<Vec<_>>());
        groups
    }

    #[test]
    fn a_large_body_is_parsed_alone_and_every_body_once() {
        const LARGE: usize = 1 << 20;
        assert_eq!(groups(&[]), [0; 0]);
        assert_eq!(groups(&[10; 19]), [8, 8, 3]);
        assert_eq!(groups(&[LARGE, LARGE, 10, LARGE, 0, LARGE]), [1, 1, 1, 2, 1]);
        assert_eq!(groups(&[30_000, 30_000, 5_537, 5_536]), [2, 2]);
        assert_eq!(groups(&[30_000, 30_000, 5_536, 0, 1]), [4, 1]);
    }
}
