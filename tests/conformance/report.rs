//! Counts what came of the cases, and says so.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use crate::vectors::Vector;

/// A family of vectors that can be replayed.
pub(crate) struct Family {
    /// As the vectors call it.
    pub(crate) name: &'static str,
    /// Replays a case, given as JSON; the departures that explain what differed, or what none explains.
    pub(crate) replay: fn(&str) -> Result<Vec<&'static Departure>, String>,
}

/// Where twisty does not do what Twisted does, on purpose.
#[derive(Debug)]
pub(crate) struct Departure {
    /// What twisty does instead.
    pub(crate) name: &'static str,
    /// Why, with the number of the decision (`D5`: the fifth of "Keep and diverge") and of Twisted's rule.
    pub(crate) reason: &'static str,
}

/// The outcome of all cases so far.
pub(crate) struct Report {
    families: &'static [Family],
    tallies: BTreeMap<&'static str, Tally>,
    /// Cases of families that nobody replays yet.
    strange: BTreeMap<String, usize>,
    left_out: usize,
    started: Instant,
}

#[derive(Default)]
struct Tally {
    agree: usize,
    depart: usize,
    /// By departure: its reason, and the cases under it.
    departures: BTreeMap<&'static str, (&'static str, usize)>,
    /// By case: what differs.
    failures: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new(families: &'static [Family]) -> Self {
        let (tallies, strange) = (BTreeMap::new(), BTreeMap::new());
        Self { families, tallies, strange, left_out: 0, started: Instant::now() }
    }

    pub(crate) fn replay(&mut self, vector: &Vector) {
        let Some(family) = self.families.iter().find(|family| family.name == vector.family) else {
            *self.strange.entry(vector.family.clone()).or_default() += 1;
            return;
        };
        let tally = self.tallies.entry(family.name).or_default();
        match (family.replay)(&vector.json) {
            Ok(departures) if departures.is_empty() => tally.agree += 1,
            Ok(departures) => {
                tally.depart += 1;
                for departure in departures {
                    tally.departures.entry(departure.name).or_insert((departure.reason, 0)).1 += 1;
                }
            }
            Err(difference) => tally.failures.push((vector.name.clone(), difference)),
        }
    }

    /// Counts a case that the command line did not choose.
    pub(crate) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    pub(crate) fn passed(&self) -> bool {
        self.failed() == 0
    }

    fn failed(&self) -> usize {
        self.tallies.values().map(|tally| tally.failures.len()).sum()
    }
}

/// Ends in the summary line of a cargo test, for those who read many.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nconformance with Twisted, cases per family\n")?;
        for (family, tally) in &self.tallies {
            write!(f, "{family}: {tally}")?;
        }
        for (family, cases) in &self.strange {
            writeln!(f, "{family}: {cases} cases, not replayed yet")?;
        }
        let passed: usize = self.tallies.values().map(|tally| tally.agree + tally.depart).sum();
        let ignored: usize = self.strange.values().sum();
        let verdict = if self.passed() { "ok" } else { "FAILED" };
        let (failed, out, time) = (self.failed(), self.left_out, self.started.elapsed().as_secs_f64());
        write!(f, "\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; ")?;
        writeln!(f, "{out} filtered out; finished in {time:.2}s\n")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agree, depart, departures, failures } = self;
        let cases = agree + depart + failures.len();
        writeln!(f, "{cases} cases: {agree} agree, {depart} depart on purpose, {} differ", failures.len())?;
        for (name, (reason, cases)) in departures {
            writeln!(f, "  {cases:5} × {name}\n          ({reason})")?;
        }
        for (name, difference) in failures {
            writeln!(f, "\n  {name} differs\n{difference}")?;
        }
        Ok(())
    }
}
