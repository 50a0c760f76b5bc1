//! How many events a partition may send us: its share of the budget in events.
//!
//! Owns: the arithmetic. Does not own: the link's flow (`inbound`), what is left of the budget
//! (`crate::budget`). A link's credit is what the hub may have in flight to us, so it counts as spent; an event that has
//! arrived and waits for its reader still holds its place, so that nothing piles up behind a reader that is slow.

use std::collections::VecDeque;

/// Credit of one partition.
///
/// # Units
/// Bytes for shares and bodies, events for credit.
#[derive(Debug)]
pub(super) struct Credit {
    share: usize,
    /// Credited, and not here yet.
    under_way: u32,
    /// Here, and not taken by the reader yet.
    waiting: u32,
    arrived: u64,
    /// Bodies above the floor that no later one is as large as, with the number of the event; largest first.
    largest: VecDeque<(u64, usize)>,
}

impl Credit {
    pub(super) fn new(share: usize) -> Self {
        Self { share, under_way: 0, waiting: 0, arrived: 0, largest: VecDeque::new() }
    }

    /// The bytes that stand for what was credited and has not arrived: never more than the share, or one large
    /// body would make all that is still under way look as large, and a quiet partition would hold on to it.
    pub(super) fn bytes(&self) -> usize {
        (self.under_way as usize * self.unit()).min(self.share)
    }

    /// Half of what may be under way or waiting was taken: time to give more.
    pub(super) fn is_due(&self) -> bool {
        self.under_way + self.waiting <= self.target() / 2
    }

    /// What may be under way or waiting, in events.
    fn target(&self) -> u32 {
        (self.share / self.unit()).clamp(1, MOST) as u32
    }

    /// Credit outstanding, in events.
    pub(super) fn under_way(&self) -> u32 {
        self.under_way
    }

    /// Gives the credit to state on the link: so much is under way now.
    pub(super) fn top_up(&mut self) -> u32 {
        self.under_way = self.target().saturating_sub(self.waiting).max(self.under_way);
        self.under_way
    }

    /// An event with a body of so many bytes arrived.
    pub(super) fn arrive(&mut self, body: usize) {
        self.under_way = self.under_way.saturating_sub(1);
        self.waiting += 1;
        self.arrived += 1;
        if body > FLOOR {
            while self.largest.back().is_some_and(|(_, smaller)| *smaller <= body) {
                self.largest.pop_back();
            }
            self.largest.push_back((self.arrived, body));
        }
        while self.largest.front().is_some_and(|(number, _)| number + REMEMBERED <= self.arrived) {
            self.largest.pop_front();
        }
    }

    /// The hub used credit up and sent nothing for it.
    pub(super) fn lapse(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The hub sends no more.
    pub(super) fn stop(&mut self) {
        self.under_way = 0;
    }

    /// The reader took so many events.
    pub(super) fn take(&mut self, events: u32) {
        self.waiting = self.waiting.saturating_sub(events);
    }

    /// What one event is taken for.
    fn unit(&self) -> usize {
        self.largest.front().map_or(FLOOR, |(_, body)| *body)
    }
}

/// An event is not taken for less: small ones have their annotations, properties and bookkeeping.
const FLOOR: usize = 8 * 1024;
/// The biggest of so many last events decides. A larger one comes again sooner or later.
const REMEMBERED: u64 = 1_000;
/// No more credit than this: more would make no reader faster, and an event has its bookkeeping.
const MOST: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn credit_is_the_share_in_events_of_the_largest_kind() {
        // (share, bodies that arrived, credit then)
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
        for (share, bodies, expected) in cases {
            let mut credit = Credit::new(share);
            credit.top_up();
            for body in bodies {
                arrive_and_go(&mut credit, *body);
            }
            assert_eq!(credit.target(), expected, "{share} {bodies:?}");
        }
    }

    #[test]
    fn a_large_body_is_remembered_for_a_thousand_events() {
        let mut credit = Credit::new(64 * KIB);
        arrive_and_go(&mut credit, 64 * KIB);
        arrive_and_go(&mut credit, 32 * KIB);
        for _ in 0..998 {
            arrive_and_go(&mut credit, 10);
        }
        assert_eq!(credit.target(), 1);
        arrive_and_go(&mut credit, 10);
        assert_eq!(credit.target(), 2);
        arrive_and_go(&mut credit, 10);
        assert_eq!(credit.target(), 8);
    }

    #[test]
    fn more_is_due_when_half_has_arrived() {
        let mut credit = Credit::new(80 * KIB);
        assert!(credit.is_due());
        assert_eq!(credit.top_up(), 10);
        assert_eq!(credit.bytes(), 80 * KIB);
        for _ in 0..4 {
            arrive_and_go(&mut credit, 1);
        }
        assert!(!credit.is_due());
        arrive_and_go(&mut credit, 1);
        assert!(credit.is_due());
        assert_eq!(credit.bytes(), 40 * KIB);
        arrive_and_go(&mut credit, 20 * KIB);
        assert_eq!(credit.bytes(), 80 * KIB, "what is under way may be as large as the last one");
        arrive_and_go(&mut credit, 900 * KIB);
        assert_eq!(credit.bytes(), 80 * KIB, "but it never stands for more than the share");
    }

    #[test]
    fn a_single_credit_is_due_when_it_is_used_up() {
        let mut credit = Credit::new(1);
        credit.top_up();
        assert!(!credit.is_due());
        arrive_and_go(&mut credit, 1);
        assert!(credit.is_due());
    }

    #[test]
    fn what_waits_for_its_reader_keeps_its_place() {
        let mut credit = Credit::new(80 * KIB);
        assert_eq!(credit.top_up(), 10);
        for _ in 0..8 {
            credit.arrive(1);
        }
        assert!(!credit.is_due(), "the reader has taken nothing");
        assert_eq!(credit.bytes(), 16 * KIB, "what is here is paid for by its batch");
        credit.take(5);
        assert!(credit.is_due());
        assert_eq!(credit.top_up(), 7);
        credit.lapse();
        assert_eq!(credit.under_way(), 6);
    }

    fn arrive_and_go(credit: &mut Credit, body: usize) {
        credit.arrive(body);
        credit.take(1);
    }
}
