//! Sequences of commits and answers, with the step that each returns.

use super::*;

/// Input of a chain: a closed file, or an answer of the store.
#[derive(Clone, Copy)]
enum Input {
    Commit(i64, i64),
    Answer(Answer),
}
use Input::{Answer as On, Commit};

/// Passes the inputs to a chain; returns the chain and the result of each input.
fn play(recovered: Option<i64>, inputs: &[Input]) -> (Chain, Vec<Result<Step, Violation>>) {
    let mut chain = Chain::recovered(recovered.map(Ordinal::new));
    let steps = inputs.iter().map(|input| match *input {
        Commit(first, last) => chain.begin_commit(Ordinal::new(first), Ordinal::new(last)),
        On(answer) => chain.advance(answer),
    });
    let steps = steps.collect();
    (chain, steps)
}

fn check(recovered: Option<i64>, inputs: &[Input], expected: &[Step], next: i64) {
    let (chain, steps) = play(recovered, inputs);
    let steps: Result<Vec<Step>, Violation> = steps.into_iter().collect();
    assert_eq!(steps.as_deref(), Ok(expected));
    assert_eq!(chain.next(), Ordinal::new(next), "the next name");
}

/// The last input violates this invariant; the earlier ones violate none.
fn check_violation(recovered: Option<i64>, inputs: &[Input], expected: Violation) {
    let (_, mut steps) = play(recovered, inputs);
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
fn footer(last: i64) -> Input {
    On(Answer::Footer { last: Ordinal::new(last) })
}

const CREATED: Input = On(Answer::Created);
const TAKEN: Input = On(Answer::Taken);
const UNKNOWN: Input = On(Answer::Unknown);
const ABSENT: Input = On(Answer::Absent);

#[test]
fn name_is_one_past_the_last_row_of_the_previous_file() {
    // The first file is named 0 regardless of its first row; the second continues where the first ends.
    check(
        None,
        &[Commit(5, 9), CREATED, Commit(12, 12), CREATED],
        &[put(0), durable(9), put(10), durable(12)],
        13,
    );
    check(Some(40), &[Commit(99, 100), CREATED], &[put(41), durable(100)], 101);
}

#[test]
fn footer_decides_after_every_answer_but_created() {
    // (answers after the put of rows 5..=9, the steps, the next name)
    let cases: &[(&[Input], &[Step], i64)] = &[
        // A retry finds the first attempt.
        (&[UNKNOWN, footer(9)], &[read(0), durable(9)], 10),
        (&[TAKEN, footer(9)], &[read(0), durable(9)], 10),
        // A shorter file won: row 9 is not in the lake yet.
        (&[TAKEN, footer(7)], &[read(0), conflict(7)], 8),
        (&[UNKNOWN, footer(4)], &[read(0), conflict(4)], 5),
        // A longer file won: the open buffers hold rows that are in the lake.
        (&[TAKEN, footer(11)], &[read(0), conflict(11)], 12),
        // The name is free: the same file is put again, and a late duplicate finds the name taken.
        (&[UNKNOWN, ABSENT, CREATED], &[read(0), put(0), durable(9)], 10),
        (&[UNKNOWN, ABSENT, TAKEN, footer(9)], &[read(0), put(0), read(0), durable(9)], 10),
        (&[TAKEN, ABSENT, UNKNOWN, ABSENT], &[read(0), put(0), read(0), put(0)], 0),
        // The footer could not be read at first.
        (&[UNKNOWN, UNKNOWN, footer(9)], &[read(0), read(0), durable(9)], 10),
    ];
    for (answers, steps, next) in cases {
        let inputs: Vec<Input> = [Commit(5, 9)].iter().chain(*answers).copied().collect();
        let expected: Vec<Step> = [put(0)].iter().chain(*steps).copied().collect();
        check(None, &inputs, &expected, *next);
    }
}

#[test]
fn rejects_a_second_put_in_flight() {
    let rows = Rows { first: Ordinal::new(5), last: Ordinal::new(9) };
    check_violation(
        None,
        &[Commit(5, 9), Commit(10, 12)],
        Violation::NotIdle { state: State::Putting(rows) },
    );
    check_violation(
        None,
        &[Commit(5, 9), UNKNOWN, Commit(10, 12)],
        Violation::NotIdle { state: State::ReadingFooter(rows) },
    );
    check_violation(
        None,
        &[Commit(5, 9), TAKEN, footer(3), Commit(5, 9)],
        Violation::NotIdle { state: State::Conflict },
    );
}

#[test]
fn rejects_rows_and_footers_at_or_below_the_chain() {
    check_violation(
        Some(9),
        &[Commit(9, 12)],
        Violation::RowsBelowChain { first: Ordinal::new(9), last: Ordinal::new(9) },
    );
    check_violation(
        None,
        &[Commit(3, 2)],
        Violation::RowsReversed { first: Ordinal::new(3), last: Ordinal::new(2) },
    );
    let below = Violation::FooterBelowName { continues_at: Ordinal::new(10), last: Ordinal::new(9) };
    check_violation(Some(9), &[Commit(10, 10), TAKEN, footer(9)], below);
}

#[test]
fn rejects_answers_that_the_step_can_not_have() {
    let rows = Rows { first: Ordinal::new(5), last: Ordinal::new(9) };
    for (inputs, state, answer) in [
        (vec![CREATED], State::Idle, Answer::Created),
        (vec![Commit(5, 9), ABSENT], State::Putting(rows), Answer::Absent),
        (vec![Commit(5, 9), UNKNOWN, CREATED], State::ReadingFooter(rows), Answer::Created),
        (vec![Commit(5, 9), TAKEN, footer(3), ABSENT], State::Conflict, Answer::Absent),
    ] {
        check_violation(None, &inputs, Violation::UnexpectedAnswer { state, answer });
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
