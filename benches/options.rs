//! The command line of a bench.

use std::env;
use std::time::Duration;

use crate::Result;
use crate::compare::{Workload, compare, count_calls};
use crate::contest::Contest;
use crate::process::{Cores, become_server, raise_file_limit};
use crate::results::Results;
use crate::trace::Calls;
use crate::{report, servers};

const HELP: &str = "\
cargo bench -p benches --bench NAME -- [OPTIONS] [WORKLOAD…]
cargo bench -p benches
               all benches; they write their tables and charts to benches/results

  WORKLOAD     only workloads whose name contains one of these words
  --quick      5 rounds of 0.1 s, instead of 15 of 0.25 s, for each server and workload;
               without servers a tenth of that for each way to do the work
  --rounds N   so many rounds
  --millis N   rounds so long
  --save       replaces the bench's page and charts in benches/results, as a run without any word or option does;
               not with a WORKLOAD, as the page would lose the others

  --serve NAME [--core N]
               nothing but this server, until it is killed: for profilers. --serve help lists the names.

Without the --bench that `cargo bench` adds, as in `cargo test --benches`, all is only tried for a moment.";

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    mode: Mode,
    core: Option<usize>,
    /// Words, one of which a workload's name contains; none for all workloads.
    words: Vec<String>,
    rounds: usize,
    /// Of one server in one round.
    duration: Duration,
    /// Only to see whether it works.
    try_out: bool,
    /// Also keep the results.
    save: bool,
}

#[derive(Debug)]
enum Mode {
    Compare,
    Serve(String),
    Help,
}

impl Options {
    /// Reads the command line; whatever is wrong with it shows the help.
    pub fn parse() -> Self {
        let arguments: Vec<_> = env::args().skip(1).collect();
        Self::from_arguments(arguments).unwrap_or_else(|| Self { mode: Mode::Help, ..Self::try_out() })
    }

    fn from_arguments(arguments: Vec<String>) -> Option<Self> {
        let mut options = Self::try_out();
        // Cargo puts it last, but it only sets what the other options change.
        if arguments.iter().any(|argument| argument == "--bench") {
            options.set_rounds(15, 250);
            options.try_out = false;
            options.save = arguments.len() == 1;
        }
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--bench" => {}
                "--quick" => options.set_rounds(5, 100),
                "--test" => options.set_rounds(1, 10),
                "--rounds" => options.rounds = arguments.next()?.parse().ok()?,
                "--millis" => options.duration = Duration::from_millis(arguments.next()?.parse().ok()?),
                "--save" => options.save = true,
                "--core" => options.core = Some(arguments.next()?.parse().ok()?),
                "--serve" => options.mode = Mode::Serve(arguments.next()?),
                word if word.starts_with('-') => return None,
                _ => options.words.push(argument),
            }
        }
        Some(options)
    }

    /// For a test run: does all of it work?
    fn try_out() -> Self {
        let duration = Duration::from_millis(10);
        Self { mode: Mode::Compare, core: None, words: Vec::new(), rounds: 1, duration, try_out: true, save: false }
    }

    fn set_rounds(&mut self, rounds: usize, millis: u64) {
        self.rounds = rounds;
        self.duration = Duration::from_millis(millis);
    }

    /// Whether all is only tried for a moment.
    pub fn is_try_out(&self) -> bool {
        self.try_out
    }

    /// How often each rival has its turn.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// Whether the user wants a workload of this name.
    pub fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(&**word))
    }

    /// Does what was asked for.
    pub fn run(&self, workloads: &[Workload]) -> Result {
        let cores = Cores::choose();
        let how = report::how_compared(cores.is_some(), self.rounds, self.duration);
        self.record(&how, |results| self.compare(workloads, cores, results))
    }

    fn compare(&self, workloads: &[Workload], cores: Option<Cores>, results: &mut Results) -> Result {
        cores.map_or(Ok(()), Cores::pin_client)?;
        servers::mention_missing();
        let mut trace = true;
        for workload in workloads.iter().filter(|workload| self.wants(&workload.name)) {
            let samples = compare(workload, cores, self.rounds, self.duration)?;
            let calls = if trace { self.count_calls(workload, cores) } else { None };
            trace = calls.is_some();
            results.add(report::workload(workload, &samples, &calls.unwrap_or_default()));
        }
        Ok(())
    }

    /// `None`, and a line that says why, where they cannot be counted.
    fn count_calls(&self, workload: &Workload, cores: Option<Cores>) -> Option<Vec<Calls>> {
        let calls = count_calls(workload, cores, self.duration);
        calls.inspect_err(|error| println!("\nSystem calls are not counted: {error}.")).ok()
    }

    /// The same for a bench without servers: its work is done in this process.
    pub fn hold(&self, contests: &mut [Contest]) -> Result {
        let duration = self.duration / 10;
        self.record(&report::how_held(self.rounds, duration), |results| {
            for contest in contests.iter_mut().filter(|contest| self.wants(&contest.name)) {
                let times = contest.hold(self.rounds, duration);
                results.add(report::contest(contest, &times));
            }
            Ok(())
        })
    }

    /// The same for a bench with samples of another kind: `measure` adds them to the results, below a line that says
    /// `how` they come about.
    ///
    /// # Errors
    /// When `measure` fails, the results cannot be written, or only a part of them would replace all.
    pub fn record(&self, how: &str, measure: impl FnOnce(&mut Results) -> Result) -> Result {
        raise_file_limit();
        match &self.mode {
            Mode::Help => println!("{HELP}"),
            Mode::Serve(name) => {
                become_server(self.core)?;
                servers::serve(name)?;
            }
            Mode::Compare if self.save && !self.words.is_empty() => {
                let words = self.words.join(" ");
                return Err(
                    format!("--save replaces the whole page by what is measured now: leave out {words:?}").into()
                );
            }
            Mode::Compare => {
                let mut results = Results::begin(how);
                measure(&mut results)?;
                if self.save {
                    results.save()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_results_does_not_replace_all() {
        let arguments = ["--bench", "--save", "64 conn"].map(str::to_owned).to_vec();
        let options = Options::from_arguments(arguments).expect("it is a command line");
        let refused = options.record("", |_| Err("it was measured".into())).expect_err("it would lose the others");
        assert!(refused.to_string().contains("leave out \"64 conn\""), "{refused}");
    }
}
