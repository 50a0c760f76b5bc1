//! How many events a partition may send us: its share of the budget in events.
//!
//! Owns: the arithmetic. Does not own: the link's flow (`receiver`), what is left of the budget
//! (`crate::budget`). A link's credit is what the hub may have in flight to us, so it counts as spent.

use std::collections::VecDeque;

/// Credit of one partition.
///
/// # Units
/// Bytes for shares and bodies, events for credit.
#[derive(Debug)]
pub(super) struct Credit {
    share: usize,
    outstanding: u32,
    arrived: u64,
    /// Bodies above the floor that no later one is as large as, with the number of the event; largest first.
    largest: VecDeque<(u64, usize)>,
}

impl Credit {
    pub(super) fn new(share: usize) -> Self {
        Self { share, outstanding: 0, arrived: 0, largest: VecDeque::new() }
    }

    /// The bytes that stand for what was credited and has not arrived: never more than the share, or one large
    /// body would make all that is still under way look as large, and a quiet partition would hold on to it.
    pub(super) fn bytes(&self) -> usize {
        (self.outstanding as usize * self.unit()).min(self.share)
    }

    /// Half of what may be under way has arrived: time to give more.
    pub(super) fn is_due(&self) -> bool {
        self.outstanding <= self.target() / 2
    }

    /// The credit to state on the link.
    pub(super) fn target(&self) -> u32 {
        (self.share / self.unit()).clamp(1, MOST) as u32
    }

    /// The bytes that stand for so much.
    pub(super) fn bytes_at_most(&self) -> usize {
        (self.target() as usize * self.unit()).min(self.share)
    }

    /// The credit was stated: so much is under way now.
    pub(super) fn top_up(&mut self) {
        self.outstanding = self.target();
    }

    /// An event with a body of so many bytes arrived.
    pub(super) fn arrive(&mut self, body: usize) {
        self.outstanding = self.outstanding.saturating_sub(1);
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

    /// What one event is taken for.
    fn unit(&self) -> usize {
        self.largest.front().map_or(FLOOR, |(_, body)| *body)
    }
}

/// An event is not taken for less: small ones have their annotations, properties and bookkeeping.
const FLOOR: usize = 8 * 1024;
/// The biggest of so many last events decides. A larger one comes again sooner or later.
const REMEMBERED: u64 = 1_000;
/// No more credit than this: times 16 frames of 64 KiB, which is an event of the largest size, it stays below the
/// 65,535 frames that a link buffers. A full buffer would stall the connection and every partition on it.
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
                credit.arrive(*body);
            }
            assert_eq!(credit.target(), expected, "{share} {bodies:?}");
        }
    }

    #[test]
    fn a_large_body_is_remembered_for_a_thousand_events() {
        let mut credit = Credit::new(64 * KIB);
        credit.arrive(64 * KIB);
        credit.arrive(32 * KIB);
        for _ in 0..998 {
            credit.arrive(10);
        }
        assert_eq!(credit.target(), 1);
        credit.arrive(10);
        assert_eq!(credit.target(), 2);
        credit.arrive(10);
        assert_eq!(credit.target(), 8);
    }

    #[test]
    fn more_is_due_when_half_has_arrived() {
        let mut credit = Credit::new(80 * KIB);
        assert!(credit.is_due());
        assert_eq!((credit.target(), credit.bytes_at_most()), (10, 80 * KIB));
        credit.top_up();
        assert_eq!(credit.bytes(), 80 * KIB);
        for _ in 0..4 {
            credit.arrive(1);
        }
        assert!(!credit.is_due());
        credit.arrive(1);
        assert!(credit.is_due());
        assert_eq!(credit.bytes(), 40 * KIB);
        credit.arrive(20 * KIB);
        assert_eq!(credit.bytes(), 80 * KIB, "what is under way may be as large as the last one");
        credit.arrive(900 * KIB);
        assert_eq!(credit.bytes(), 80 * KIB, "but it never stands for more than the share");
    }

    #[test]
    fn a_single_credit_is_due_when_it_is_used_up() {
        let mut credit = Credit::new(1);
        credit.top_up();
        assert!(!credit.is_due());
        credit.arrive(1);
        assert!(credit.is_due());
    }
}
