//! The table: Markdown that also reads well in a terminal.

use std::fmt;
use std::time::Duration;

use crate::compare::{Sample, Workload};
use crate::contest::Contest;

/// Says how the figures come about, and starts the table.
pub fn print_head(pinned: bool, rounds: usize, duration: Duration) {
    let pinned = if pinned { "server and clients on a core each" } else { "server and clients not pinned" };
    println!("\n{rounds} rounds of {duration:?} for each server, {pinned}.");
    println!("A ratio is to the first server of the workload in the same round: median (least–greatest).");
    println!("The other figures are medians.\n");
    print_row(["workload", "server", "CPU time per op.", "ratio", "op./s", "ratio"]);
    println!("|{:-<27}|{:-<28}|{:->18}:|{:->20}:|{:->10}:|{:->20}:|", "", "", "", "", "", "");
}

/// The rows of one workload.
pub fn print_rows(workload: &Workload, samples: &[Vec<Sample>]) {
    let (rates, cpus): (Vec<_>, Vec<_>) = samples.iter().map(|samples| columns(samples)).unzip();
    for (index, rival) in workload.rivals.iter().enumerate() {
        print_row([
            if index == 0 { &workload.name } else { "" },
            rival.label,
            &cell(&cpus[index], |ns| format!("{:.3} µs", ns / 1000.0)),
            &ratio_cell(&cpus[index], &cpus[0]),
            &cell(&rates[index], |rate| format!("{rate:.0}")),
            &ratio_cell(&rates[index], &rates[0]),
        ]);
    }
}

fn print_row([workload, server, cpu, cpu_ratio, rate, rate_ratio]: [&str; 6]) {
    println!("| {workload:<25} | {server:<26} | {cpu:>17} | {cpu_ratio:>19} | {rate:>9} | {rate_ratio:>19} |");
}

/// The same for work that is done in this process.
pub fn print_contest_head(rounds: usize, duration: Duration) {
    println!(
        "\n{rounds} rounds of about {duration:?} for each way. Times are this thread's CPU time; waiting is free."
    );
    println!("Ratios are to the first and the second way of the same work in the same round: median (least–greatest).");
    println!("The other times are medians. Allocations are those of one whole piece of the work, without warm-up.\n");
    print_contest_row(["work", "way", "ns each", "ratio to 1st", "ratio to 2nd", "alloc."]);
    println!("|{:-<29}|{:-<34}|{:->9}:|{:->20}:|{:->20}:|{:->8}:|", "", "", "", "", "", "");
}

/// The rows of one contest.
pub fn print_contest(contest: &Contest, times: &[Vec<f64>]) {
    for (index, way) in contest.ways.iter().enumerate() {
        let ratio = |base: usize| times.get(base).map_or("–".to_owned(), |base| ratio_cell(&times[index], base));
        print_contest_row([
            if index == 0 { &contest.name } else { "" },
            way.label,
            &cell(&times[index], |ns| format!("{ns:.1}")),
            &ratio(0),
            &ratio(1),
            &way.allocations.map_or("–".to_owned(), |count| count.to_string()),
        ]);
    }
}

fn print_contest_row([work, way, time, first, second, allocations]: [&str; 6]) {
    println!("| {work:<27} | {way:<32} | {time:>8} | {first:>19} | {second:>19} | {allocations:>7} |");
}

/// Rates and CPU times, round by round; no times where a round has none.
fn columns(samples: &[Sample]) -> (Vec<f64>, Vec<f64>) {
    let cpus: Option<Vec<_>> = samples.iter().map(|sample| sample.cpu).collect();
    (samples.iter().map(|sample| sample.rate).collect(), cpus.unwrap_or_default())
}

fn cell(values: &[f64], show: impl Fn(f64) -> String) -> String {
    Spread::of(values).map_or("–".to_owned(), |spread| show(spread.median))
}

fn ratio_cell(values: &[f64], base: &[f64]) -> String {
    let ratios: Vec<_> = values.iter().zip(base).map(|(value, base)| value / base).collect();
    Spread::of(&ratios).map_or("–".to_owned(), |spread| spread.to_string())
}

struct Spread {
    median: f64,
    least: f64,
    greatest: f64,
}

impl Spread {
    /// `None` for no values.
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted.get(values.len() / 2)? + sorted[(values.len() - 1) / 2]) / 2.0;
        Some(Self { median, least: sorted[0], greatest: sorted[values.len() - 1] })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, greatest } = self;
        write!(f, "{median:.2} ({least:.2}–{greatest:.2})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_odd_even_and_no_values() {
        let show = |values: &[f64]| Spread::of(values).map(|spread| spread.to_string());
        assert_eq!(show(&[3.0, 1.0, 2.0]).as_deref(), Some("2.00 (1.00–3.00)"));
        assert_eq!(show(&[4.0, 1.0, 2.0, 3.0]).as_deref(), Some("2.50 (1.00–4.00)"));
        assert_eq!(show(&[]), None);
    }
}
