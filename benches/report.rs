//! What the samples of workloads and contests say: a section of the results for each.

use std::time::Duration;

use crate::aim::Aim;
use crate::chart::{Bar, Chart};
use crate::compare::{Rival, Sample, Workload};
use crate::contest::Contest;
use crate::results::Section;
use crate::spread::{Spread, short};
use crate::table::Table;
use crate::trace::Calls;

/// Figures of each rival or way, round by round.
type Figures = Vec<Vec<f64>>;

/// How the figures of workloads come about.
pub fn how_compared(pinned: bool, rounds: usize, duration: Duration) -> String {
    let pinned = if pinned { "server and clients on a core each" } else { "server and clients not pinned" };
    format!(
        "{rounds} rounds of {duration:?} for each server, {pinned}. A ratio is to the first server of the table\n\
         in the same round: median (least–greatest); an aim is a bound for the median of CPU times. The other figures are\n\
         medians. p50 and p99 are of an operation, or of the batch it is in. System calls are counted by strace, after the\n\
         rounds; below a table, those of each kind."
    )
}

/// The section of one workload; `calls` is empty if nobody counted them.
pub fn workload(workload: &Workload, samples: &[Vec<Sample>], calls: &[Calls]) -> Section {
    let cpus = figures(samples, |sample| sample.cpu);
    let rates = figures(samples, |sample| Some(sample.rate));
    let halves = figures(samples, |sample| Some(sample.p50 as f64));
    let hundredths = figures(samples, |sample| Some(sample.p99 as f64));
    let mut table = Table::new(["server"], ["CPU/op.", "ratio", "aim", "op./s", "calls/op.", "p50", "p99"]);
    for (index, rival) in workload.rivals.iter().enumerate() {
        table.row([
            rival.label.to_owned(),
            median(&cpus[index], |ns| format!("{:.3} µs", ns / 1000.0)),
            ratio(&cpus, index, 0),
            judge(rival.aim.as_slice(), &cpus, index),
            with_ratio(&rates, index, |rate| format!("{rate:.0}")),
            calls.get(index).map_or("–".to_owned(), |calls| short(calls.total)),
            with_ratio(&halves, index, time),
            with_ratio(&hundredths, index, time),
        ]);
    }
    let note = |(rival, calls): (&Rival, &Calls)| format!("{}: {calls}", rival.label);
    let losses = workload.rivals.iter().zip(samples).filter_map(|(rival, samples)| loss(rival, samples));
    let bars = workload.rivals.iter().map(|rival| (rival.label, rival.aim.as_slice()));
    Section {
        name: workload.name.clone(),
        table,
        notes: workload.rivals.iter().zip(calls).map(note).chain(losses).collect(),
        chart: chart(&workload.name, "server's CPU time per operation, ratio to the first", bars, &cpus),
    }
}

/// A line about the datagrams that got lost, if some did.
fn loss(rival: &Rival, samples: &[Sample]) -> Option<String> {
    let lost: u64 = samples.iter().map(|sample| sample.lost).sum();
    (lost > 0).then(|| format!("{}: {lost} datagrams lost and sent again, in all rounds", rival.label))
}

/// How the figures of contests come about.
pub fn how_held(rounds: usize, duration: Duration) -> String {
    format!(
        "{rounds} rounds of about {duration:?} for each way. Times are this thread's CPU time, for which waiting is free, if\n\
         the heading does not say otherwise. Ratios are to the first and the second way of the table in the same round:\n\
         median (least–greatest); an aim is a bound for the ratio to the first, if it does not say otherwise. The other\n\
         times are medians. Allocations are those of one whole piece of the work, without warm-up."
    )
}

/// The section of one contest.
pub fn contest(contest: &Contest, times: &[Vec<f64>]) -> Section {
    let mut table = Table::new(["way"], ["ns each", "ratio to 1st", "ratio to 2nd", "aim", "alloc."]);
    for (index, way) in contest.ways.iter().enumerate() {
        table.row([
            way.label.to_owned(),
            median(&times[index], |ns| format!("{ns:.1}")),
            ratio(times, index, 0),
            ratio(times, index, 1),
            judge(&way.aims, times, index),
            way.allocations.map_or("–".to_owned(), |count| count.to_string()),
        ]);
    }
    let bars = contest.ways.iter().map(|way| (way.label, &*way.aims));
    let chart = chart(&contest.name, "time, ratio to the first", bars, times);
    Section { name: contest.name.clone(), table, notes: Vec::new(), chart }
}

/// None for a server of which a round has none.
fn figures(samples: &[Vec<Sample>], figure: impl Fn(&Sample) -> Option<f64>) -> Figures {
    let all = |samples: &Vec<Sample>| samples.iter().map(&figure).collect::<Option<_>>();
    samples.iter().map(|samples| all(samples).unwrap_or_default()).collect()
}

/// Bars of the ratios to the first; no chart if there are not all of them.
fn chart<'a>(
    title: &str,
    unit: &str,
    rivals: impl Iterator<Item = (&'a str, &'a [Aim])>,
    figures: &[Vec<f64>],
) -> Option<Chart> {
    let bar = |(index, (label, aims)): (usize, (&str, &[Aim]))| {
        Some(Bar {
            label: label.to_owned(),
            value: Spread::of_ratios(figures.get(index)?, figures.first()?)?,
            aim: aims.iter().filter_map(|aim| aim.beside_first(figures)).reduce(f64::min),
            ours: label.contains("twisty"),
        })
    };
    let bars = rivals.enumerate().map(bar).collect::<Option<_>>()?;
    Some(Chart { title: title.to_owned(), unit: unit.to_owned(), bars })
}

fn median(values: &[f64], show: impl Fn(f64) -> String) -> String {
    Spread::of(values).map_or("–".to_owned(), |spread| show(spread.median))
}

fn ratio(figures: &[Vec<f64>], index: usize, base: usize) -> String {
    let ratio = figures.get(base).and_then(|base| Spread::of_ratios(&figures[index], base));
    ratio.map_or("–".to_owned(), |ratio| ratio.to_string())
}

/// Like "3.1 µs (1.02)".
fn with_ratio(figures: &[Vec<f64>], index: usize, show: impl Fn(f64) -> String) -> String {
    let ratio = Spread::of_ratios(&figures[index], &figures[0]);
    ratio.map_or("–".to_owned(), |ratio| format!("{} ({})", median(&figures[index], show), short(ratio.median)))
}

fn judge(aims: &[Aim], figures: &[Vec<f64>], index: usize) -> String {
    let verdicts: Vec<_> = aims.iter().map(|aim| aim.judge(figures, index)).collect();
    verdicts.join(", ")
}

fn time(ns: f64) -> String {
    if ns < 1e6 { format!("{:.1} µs", ns / 1e3) } else { format!("{:.1} ms", ns / 1e6) }
}
