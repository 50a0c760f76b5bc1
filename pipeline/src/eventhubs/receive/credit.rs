//! The credit of one link: its part of the budget, in events.
//!
//! Owns: the arithmetic. Does not own: the link's flow (`link`), the budget (`crate::budget`).
//!
//! Outstanding credit is what the hub may have in flight to us, so it is charged to the budget. An event that has
//! arrived and was not taken yet still uses its credit, so that batches don't pile up in front of a slow reader.

use std::collections::VecDeque;

use crate::amqp::MAX_FRAME_SIZE;

/// Credit of one link.
///
/// # Units
/// Bytes for the limit and bodies, events for credit.
#[derive(Debug)]
pub(crate) struct Credit {
    limit: usize,
    /// Granted events that have not arrived.
    outstanding: u32,
    /// Arrived events that were not taken.
    waiting: u32,
    /// Events that have ever arrived.
    arrived: u64,
    /// The largest of the recent bodies above the minimum, each with the count of its event: every body that no later
    /// one equals in size, largest first.
    largest: VecDeque<(u64, usize)>,
}

impl Credit {
    /// Makes credit that is worth at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, outstanding: 0, waiting: 0, arrived: 0, largest: VecDeque::new() }
    }

    /// The bytes to charge for outstanding credit. The limit caps them: otherwise one large body would make all
    /// outstanding events count as large, and a quiet partition would hold that budget.
    pub(crate) fn bytes(&self) -> usize {
        (self.outstanding as usize * self.event_bytes()).min(self.limit)
    }

    /// Returns whether to grant more: half of the target is used up and taken.
    pub(crate) fn is_due(&self) -> bool {
        self.outstanding + self.waiting <= self.target() / 2
    }

    /// Upper bound on outstanding and waiting events.
    fn target(&self) -> u32 {
        (self.limit / self.event_bytes()).clamp(1, MAX_CREDIT) as u32
    }

    /// Outstanding credit, in events.
    pub(crate) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// Grants credit up to the target; returns the link credit to send.
    pub(crate) fn top_up(&mut self) -> u32 {
        self.outstanding = self.target().saturating_sub(self.waiting).max(self.outstanding);
        self.outstanding
    }

    /// Transfers that outstanding credit is expected to bring, if events have the assumed size. Credit that was granted
    /// for smaller events counts up to its target: it is not worth more bytes.
    pub(crate) fn transfers(&self) -> usize {
        let each = self.event_bytes() / MAX_FRAME_SIZE as usize + 1;
        self.outstanding.min(self.target()) as usize * each
    }

    /// An event with a body of `body` bytes has arrived.
    pub(crate) fn arrive(&mut self, body: usize) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.waiting += 1;
        self.arrived += 1;
        if body > MIN_EVENT_BYTES {
            while self.largest.back().is_some_and(|(_, smaller)| *smaller <= body) {
                self.largest.pop_back();
            }
            self.largest.push_back((self.arrived, body));
        }
        while self.largest.front().is_some_and(|(number, _)| number + REMEMBERED_EVENTS <= self.arrived) {
            self.largest.pop_front();
        }
    }

    /// The hub has used credit for a delivery that is not an event.
    pub(crate) fn lapse(&mut self) {
        self.outstanding = self.outstanding.saturating_sub(1);
    }

    /// The hub sends no more events.
    pub(crate) fn stop(&mut self) {
        self.outstanding = 0;
    }

    /// The reader has taken `events` events.
    pub(crate) fn take(&mut self, events: u32) {
        self.waiting = self.waiting.saturating_sub(events);
    }

    /// The assumed size of an event.
    fn event_bytes(&self) -> usize {
        self.largest.front().map_or(MIN_EVENT_BYTES, |(_, body)| *body)
    }
}

/// Minimum of the assumed size of an event: small bodies come with annotations, properties and bookkeeping.
const MIN_EVENT_BYTES: usize = 8 * 1024;
/// The largest of this many last events is the assumed size: sizes recur.
const REMEMBERED_EVENTS: u64 = 1_000;
/// Upper bound on credit, in events: more does not make a reader faster.
const MAX_CREDIT: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn credit_is_the_limit_divided_by_the_largest_recent_body() {
        // (limit, arrived bodies, credit then)
        let cases: [(usize, &[usize], u32); 9] = [
            (64 * KIB, &[], 8),
            (64 * KIB, &[100, 8 * KIB], 8),
            (64 * KIB, &[100, 8 * KIB + 1, 100], 7),
            (64 * KIB, &[10, 32 * KIB, 16 * KIB], 2),
            (64 * KIB, &[900 * KIB], 1),
            (16 * KIB, &[], 2),
            (1, &[], 1),
            (0, &[], 1),
            (1 << 40, &[], 4_000),
        ];
        for (limit, bodies, expected) in cases {
            let mut credit = Credit::new(limit);
            credit.top_up();
            for body in bodies {
                arrive_and_take(&mut credit, *body);
            }
            assert_eq!(credit.target(), expected, "{limit} {bodies:?}");
        }
    }

    #[test]
    fn large_body_counts_for_a_thousand_events() {
        let mut credit = Credit::new(64 * KIB);
        arrive_and_take(&mut credit, 64 * KIB);
        arrive_and_take(&mut credit, 32 * KIB);
        for _ in 0..998 {
            arrive_and_take(&mut credit, 10);
        }
        assert_eq!(credit.target(), 1);
        arrive_and_take(&mut credit, 10);
        assert_eq!(credit.target(), 2);
        arrive_and_take(&mut credit, 10);
        assert_eq!(credit.target(), 8);
    }

    #[test]
    fn credit_is_due_when_half_is_used() {
        let mut credit = Credit::new(80 * KIB);
        assert!(credit.is_due());
        assert_eq!(credit.top_up(), 10);
        assert_eq!(credit.bytes(), 80 * KIB);
        for _ in 0..4 {
            arrive_and_take(&mut credit, 1);
        }
        assert!(!credit.is_due());
        arrive_and_take(&mut credit, 1);
        assert!(credit.is_due());
        assert_eq!(credit.bytes(), 40 * KIB);
        arrive_and_take(&mut credit, 20 * KIB);
        assert_eq!(credit.bytes(), 80 * KIB, "outstanding events may be as large as the last one");
        arrive_and_take(&mut credit, 900 * KIB);
        assert_eq!(credit.bytes(), 80 * KIB, "credit is charged up to the limit");
    }

    #[test]
    fn transfers_are_expected_for_the_bytes_that_credit_is_worth() {
        // (limit, arrived body, transfers then)
        let cases = [
            (512 * KIB, 100, 63),
            (512 * KIB, 60 * KIB, 8),
            // Credit for 63 small events is outstanding, which was worth eight of these.
            (512 * KIB, 64 * KIB, 16),
            (512 * KIB, 500 * KIB, 8),
            (512 * KIB, 20_000 * KIB, 313),
        ];
        for (limit, body, expected) in cases {
            let mut credit = Credit::new(limit);
            credit.top_up();
            arrive_and_take(&mut credit, body);
            assert_eq!(credit.transfers(), expected, "{limit} {body}");
        }
    }

    #[test]
    fn single_credit_is_due_when_it_is_used() {
        let mut credit = Credit::new(1);
        credit.top_up();
        assert!(!credit.is_due());
        arrive_and_take(&mut credit, 1);
        assert!(credit.is_due());
    }

    #[test]
    fn waiting_events_still_use_credit() {
        let mut credit = Credit::new(80 * KIB);
        assert_eq!(credit.top_up(), 10);
        for _ in 0..8 {
            credit.arrive(1);
        }
        assert!(!credit.is_due(), "the reader has taken no event");
        assert_eq!(credit.bytes(), 16 * KIB, "its batch pays for an arrived event");
        credit.take(5);
        assert!(credit.is_due());
        assert_eq!(credit.top_up(), 7);
        credit.lapse();
        assert_eq!(credit.outstanding(), 6);
    }

    fn arrive_and_take(credit: &mut Credit, body: usize) {
        credit.arrive(body);
        credit.take(1);
    }
}
