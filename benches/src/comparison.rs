//! Comparison of two reports: the changes beyond noise.
//!
//! A figure with a yardstick is compared as a ratio to it, since the same binary was measured up to 1.9 times slower in
//! some minutes. Only figures without a yardstick are compared directly.

use std::fmt;

use crate::report::{Measurement, Report, Unit};
use crate::spread::Spread;

/// Comparison of two reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Figures that got worse, largest change first.
    pub worse: Vec<Change>,
    /// Figures that got better, largest change first.
    pub better: Vec<Change>,
    /// Number of figures within noise.
    pub same: usize,
    /// Changed yardsticks and memory bandwidth: they show the state of the machine.
    pub machine: Vec<Change>,
    /// Figures that only the first report has.
    pub gone: Vec<String>,
    /// Figures that only the second report has.
    pub new: Vec<String>,
}

/// A figure before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The figure's name.
    pub name: String,
    /// The compared quantity: a unit, or the yardstick's name.
    pub in_terms_of: String,
    /// Figure of the first report.
    pub before: Spread,
    /// Figure of the second report.
    pub after: Spread,
}

/// Relative change that is noise even where quartiles do not overlap: code moves in memory from build to build.
const NOISE: f64 = 0.05;
/// The same for figures that do not depend on the load of the machine.
const NOISE_EXACT: f64 = 0.005;

impl Comparison {
    /// Compares the figures that both reports have.
    pub fn of(before: &Report, after: &Report) -> Self {
        let mut comparison = Self::default();
        let find =
            |report: &Report, name: &str| report.results.iter().find(|result| result.name == name).cloned();
        for new in &after.results {
            match find(before, &new.name) {
                Some(old) => comparison.classify(&old, new, is_yardstick(&new.name, after)),
                None => comparison.new.push(new.name.clone()),
            }
        }
        let gone = before.results.iter().filter(|old| find(after, &old.name).is_none());
        comparison.gone = gone.map(|old| old.name.clone()).collect();
        comparison.worse.sort_by(|one, two| two.factor_from_one().total_cmp(&one.factor_from_one()));
        comparison.better.sort_by(|one, two| two.factor_from_one().total_cmp(&one.factor_from_one()));
        comparison
    }

    fn classify(&mut self, old: &Measurement, new: &Measurement, yardstick: bool) {
        let change = Change::between(old, new);
        let noise = if new.unit.is_exact() { NOISE_EXACT } else { NOISE };
        if !change.before.is_apart_from(&change.after) || change.factor_from_one() < 1.0 + noise {
            self.same += 1;
        } else if yardstick || new.unit == Unit::GigabytesPerSecond {
            self.machine.push(change);
        } else {
            let more = change.after.median > change.before.median;
            let is_direct = new.ratio.is_none() || old.ratio.is_none();
            // Every ratio is one of times, so lower is better.
            let better = more == (is_direct && new.unit.more_is_better());
            if better { &mut self.better } else { &mut self.worse }.push(change);
        }
    }
}

impl Change {
    fn between(old: &Measurement, new: &Measurement) -> Self {
        let name = new.name.clone();
        match (&old.ratio, &new.ratio) {
            (Some(before), Some(after)) if before.to == after.to => {
                let in_terms_of = format!("× {}", after.to.rsplit('/').next().unwrap_or_default());
                Self { name, in_terms_of, before: before.value, after: after.value }
            }
            _ => {
                let in_terms_of = new.unit.name().to_owned();
                Self { name, in_terms_of, before: old.value, after: new.value }
            }
        }
    }

    /// Factor of the change, at least 1.
    fn factor_from_one(&self) -> f64 {
        let factor = self.after.median / self.before.median;
        if factor < 1.0 { 1.0 / factor } else { factor }
    }
}

/// True if other figures of the report are ratios to this one.
fn is_yardstick(name: &str, report: &Report) -> bool {
    report.results.iter().any(|result| result.ratio.as_ref().is_some_and(|ratio| ratio.to == name))
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, changes) in
            [("worse", &self.worse), ("better", &self.better), ("the machine itself", &self.machine)]
        {
            if !changes.is_empty() {
                writeln!(out, "{title}:")?;
            }
            for change in changes {
                writeln!(out, "  {change}")?;
            }
        }
        writeln!(
            out,
            "{} worse, {} better, {} within noise, {} only before, {} only after",
            self.worse.len(),
            self.better.len(),
            self.same,
            self.gone.len(),
            self.new.len()
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, in_terms_of, before, after } = self;
        let percent = (after.median / before.median - 1.0) * 100.0;
        write!(
            out,
            "{name:<66}{:>11.3} → {:<11.3}{percent:>+8.1} %  {in_terms_of}",
            before.median, after.median
        )?;
        write!(out, "  ({:.3} – {:.3} → {:.3} – {:.3})", before.low, before.high, after.low, after.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;

    fn report(results: Vec<Measurement>) -> Report {
        let mut report = Report::new(Machine::default(), false);
        report.results = results;
        report
    }

    fn spread(median: f64) -> Spread {
        Spread { median, low: median * 0.98, high: median * 1.02 }
    }

    /// A yardstick and two contenders. In a slow minute all three take longer.
    fn stage(tape: f64, one: f64, other: f64) -> Vec<Measurement> {
        let cpu = |name: &str, micros| Measurement::cpu(name, spread(micros), 15);
        let ratio = |name: &str, micros| cpu(name, micros).in_ratio_to("s/tape", spread(micros / tape));
        vec![cpu("s/tape", tape), ratio("s/one", one), ratio("s/other", other)]
    }

    #[test]
    fn ratios_hide_a_slow_minute_and_show_a_slow_contender() {
        let before = report(stage(2.0, 4.0, 1.0));
        let slow = Comparison::of(&before, &report(stage(3.6, 7.2, 1.8)));
        assert_eq!((slow.worse.len(), slow.better.len(), slow.same), (0, 0, 2));
        assert_eq!(slow.machine[0].name, "s/tape");
        let changed = Comparison::of(&before, &report(stage(3.6, 9.0, 0.9)));
        assert_eq!(changed.worse[0].name, "s/one");
        assert_eq!(changed.better[0].name, "s/other");
    }

    #[test]
    fn overlapping_or_tiny_changes_are_noise() {
        let figure = |unit, value| report(vec![Measurement::new("figure", unit, value, 5)]);
        let wide = Spread { median: 1.2, low: 0.9, high: 1.5 };
        for (unit, before, after, changed) in [
            (Unit::CpuMicros, Spread::exactly(1.0), wide, false),
            (Unit::CpuMicros, Spread::exactly(1.0), Spread::exactly(1.04), false),
            (Unit::CpuMicros, Spread::exactly(1.0), Spread::exactly(1.06), true),
            (Unit::Instructions, Spread::exactly(1000.0), Spread::exactly(1002.0), false),
            (Unit::Instructions, Spread::exactly(1000.0), Spread::exactly(1010.0), true),
        ] {
            let comparison = Comparison::of(&figure(unit, before), &figure(unit, after));
            assert_eq!(comparison.worse.len(), usize::from(changed), "{unit:?} {after:?}");
        }
    }

    #[test]
    fn higher_rates_are_better_and_missing_figures_are_listed() {
        let figure = |name: &str, value| Measurement::new(name, Unit::EventsPerSecond, spread(value), 5);
        let before = report(vec![figure("rate", 100.0), figure("lost", 1.0)]);
        let comparison = Comparison::of(&before, &report(vec![figure("rate", 150.0), figure("found", 1.0)]));
        assert_eq!(comparison.better[0].name, "rate");
        assert_eq!((comparison.gone, comparison.new), (vec!["lost".to_owned()], vec!["found".to_owned()]));
    }
}
