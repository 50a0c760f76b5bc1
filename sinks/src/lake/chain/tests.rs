//! Files offered and answers given, and the step behind each.

use super::*;

/// What happens to a chain: a file is offered, or the store answers.
#[derive(Clone, Copy)]
enum Told {
    Offer(i64, i64),
    Fact(Fact),
}
use Told::{Fact as On, Offer};

/// Plays a story and writes down each step, so that a case reads as question and answer.
fn play(recovered: Option<i64>, story: &[Told]) -> (Chain, Vec<Result<Step, Violation>>) {
    let mut chain = Chain::recovered(recovered.map(Ordinal::new));
    let steps = story.iter().map(|told| match *told {
        Offer(first, last) => chain.offer(Ordinal::new(first), Ordinal::new(last)),
        On(fact) => chain.on(fact),
    });
    let steps = steps.collect();
    (chain, steps)
}

fn check(recovered: Option<i64>, story: &[Told], expected: &[Step], next: i64) {
    let (chain, steps) = play(recovered, story);
    let steps: Result<Vec<Step>, Violation> = steps.into_iter().collect();
    assert_eq!(steps.as_deref(), Ok(expected));
    assert_eq!(chain.next(), Ordinal::new(next), "the next name");
}

/// The last thing told must break this invariant, and what came before it none.
fn check_violation(recovered: Option<i64>, story: &[Told], expected: Violation) {
    let (_, mut steps) = play(recovered, story);
    assert_eq!(steps.pop(), Some(Err(expected)));
    assert!(steps.iter().all(Result::is_ok), "{steps:?}");
}

fn put(continues_at: i64) -> Step {
    Step::Put { continues_at: Ordinal::new(continues_at) }
}
fn read(continues_at: i64) -> Step {
    Step::ReadFooter { continues_at: Ordinal::new(continues_at) }
}
fn durable(last: i64) -> Step {
    Step::Durable { last: Ordinal::new(last) }
}
fn conflict(last: i64) -> Step {
    Step::Conflict { last: Ordinal::new(last) }
}
fn footer(last: i64) -> Told {
    On(Fact::Footer { last: Ordinal::new(last) })
}

const CREATED: Told = On(Fact::Created);
const TAKEN: Told = On(Fact::Taken);
const UNKNOWN: Told = On(Fact::Unknown);
const ABSENT: Told = On(Fact::Absent);

#[test]
fn name_follows_from_the_file_before() {
    // The first file is called 0 whatever its first row is; the second continues behind the first.
    check(
        None,
        &[Offer(5, 9), CREATED, Offer(12, 12), CREATED],
        &[put(0), durable(9), put(10), durable(12)],
        13,
    );
    check(Some(40), &[Offer(99, 100), CREATED], &[put(41), durable(100)], 101);
}

#[test]
fn one_judgement_for_every_answer_but_success() {
    // (what came back for the put of rows 5..=9, the steps, the next name)
    let cases: &[(&[Told], &[Step], i64)] = &[
        // A retry finds the first attempt.
        (&[UNKNOWN, footer(9)], &[read(0), durable(9)], 10),
        (&[TAKEN, footer(9)], &[read(0), durable(9)], 10),
        // A shorter file won: row 9 is still to be done.
        (&[TAKEN, footer(7)], &[read(0), conflict(7)], 8),
        (&[UNKNOWN, footer(4)], &[read(0), conflict(4)], 5),
        // A longer file won: the open buffers hold rows that are done.
        (&[TAKEN, footer(11)], &[read(0), conflict(11)], 12),
        // Nothing is there: the same file is put again, and its late twin can't do harm.
        (&[UNKNOWN, ABSENT, CREATED], &[read(0), put(0), durable(9)], 10),
        (&[UNKNOWN, ABSENT, TAKEN, footer(9)], &[read(0), put(0), read(0), durable(9)], 10),
        (&[TAKEN, ABSENT, UNKNOWN, ABSENT], &[read(0), put(0), read(0), put(0)], 0),
        // The footer can't be read yet.
        (&[UNKNOWN, UNKNOWN, footer(9)], &[read(0), read(0), durable(9)], 10),
    ];
    for (answers, steps, next) in cases {
        let story: Vec<Told> = [Offer(5, 9)].iter().chain(*answers).copied().collect();
        let expected: Vec<Step> = [put(0)].iter().chain(*steps).copied().collect();
        check(None, &story, &expected, *next);
    }
}

#[test]
fn one_put_in_flight_per_destination() {
    let rows = Rows { first: Ordinal::new(5), last: Ordinal::new(9) };
    check_violation(None, &[Offer(5, 9), Offer(10, 12)], Violation::NotIdle { state: State::Putting(rows) });
    check_violation(
        None,
        &[Offer(5, 9), UNKNOWN, Offer(10, 12)],
        Violation::NotIdle { state: State::Judging(rows) },
    );
    check_violation(
        None,
        &[Offer(5, 9), TAKEN, footer(3), Offer(5, 9)],
        Violation::NotIdle { state: State::Conflict },
    );
}

#[test]
fn rows_rise_above_the_chain() {
    check_violation(
        Some(9),
        &[Offer(9, 12)],
        Violation::RowsBelowChain { first: Ordinal::new(9), last: Ordinal::new(9) },
    );
    check_violation(
        None,
        &[Offer(3, 2)],
        Violation::RowsFall { first: Ordinal::new(3), last: Ordinal::new(2) },
    );
    let below = Violation::FooterBelowName { continues_at: Ordinal::new(10), last: Ordinal::new(9) };
    check_violation(Some(9), &[Offer(10, 10), TAKEN, footer(9)], below);
}

#[test]
fn answers_fit_the_question() {
    let rows = Rows { first: Ordinal::new(5), last: Ordinal::new(9) };
    for (story, state, fact) in [
        (vec![CREATED], State::Idle, Fact::Created),
        (vec![Offer(5, 9), ABSENT], State::Putting(rows), Fact::Absent),
        (vec![Offer(5, 9), UNKNOWN, CREATED], State::Judging(rows), Fact::Created),
        (vec![Offer(5, 9), TAKEN, footer(3), ABSENT], State::Conflict, Fact::Absent),
    ] {
        check_violation(None, &story, Violation::AnswersNothing { state, fact });
    }
}

#[test]
fn event_at_or_below_the_last_row_is_covered() {
    for (last, event, expected) in
        [(None, 0, false), (Some(0), 0, true), (Some(7), 7, true), (Some(7), 3, true), (Some(7), 8, false)]
    {
        assert_eq!(covers(last.map(Ordinal::new), Ordinal::new(event)), expected, "{last:?} covers {event}");
    }
}
