//! Workloads, and the rounds that measure them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::Result;
use crate::aim::Aim;
use crate::load::Load;
use crate::process::{Cores, Server};
use crate::servers::installed;
use crate::trace::{Calls, Trace};

/// A load, and the servers to put it on.
#[derive(Debug)]
pub struct Workload {
    /// The heading of its table.
    pub name: String,
    /// The first is the one that all are compared with.
    pub rivals: Vec<Rival>,
}

impl Workload {
    /// A load on those of the servers that can run here. `aim` is twisty's.
    pub fn new(name: &str, aim: f64, rivals: impl IntoIterator<Item = Rival>) -> Self {
        let rivals = rivals.into_iter().filter(|rival| installed(rival.server));
        let rivals = rivals.map(|rival| if rival.label == "twisty" { rival.aim(aim) } else { rival });
        Self { name: name.to_owned(), rivals: rivals.collect() }
    }
}

/// A server under a workload.
pub struct Rival {
    /// The first column of the table.
    pub label: &'static str,
    /// Its name in [`servers`](crate::servers).
    pub server: &'static str,
    /// What its CPU time for an operation should be at most.
    pub aim: Option<Aim>,
    load: Box<Connect>,
}

type Connect = dyn Fn(SocketAddr, bool) -> Result<Box<dyn Load>>;

impl Rival {
    /// A server, and the clients that are connected to it: `load` is given its address, and whether they spin.
    pub fn new<L: Load + 'static>(
        label: &'static str,
        server: &'static str,
        load: impl Fn(SocketAddr, bool) -> Result<L> + 'static,
    ) -> Self {
        let load = move |address, spin| load(address, spin).map(|load| Box::new(load) as Box<dyn Load>);
        Self { label, server, aim: None, load: Box::new(load) }
    }

    /// Its CPU time for an operation should be at most so many times that of the first rival.
    #[must_use]
    pub fn aim(self, most: f64) -> Self {
        Self { aim: Some(Aim::Times { most, of: 0 }), ..self }
    }
}

impl fmt::Debug for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rival").field("label", &self.label).field("server", &self.server).finish_non_exhaustive()
    }
}

/// One server in one round.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Operations in a second.
    pub rate: f64,
    /// Nanoseconds of the server's own CPU time for one operation, where the system tells.
    pub cpu: Option<f64>,
    /// Nanoseconds that half of the operations, or of the batches of them, took at most.
    pub p50: u64,
    /// The same for 99 of 100.
    pub p99: u64,
    /// How many datagrams were sent again.
    pub lost: u64,
}

/// Puts the workload on each of its rivals in every round; for each rival, its samples in the order of the rounds.
pub fn compare(
    workload: &Workload,
    cores: Option<Cores>,
    rounds: usize,
    duration: Duration,
) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::with_capacity(rounds); workload.rivals.len()];
    for round in 0..rounds {
        for index in order(workload.rivals.len(), round) {
            let rival = &workload.rivals[index];
            let sample = measure(rival, cores, duration);
            samples[index].push(sample.map_err(|error| format!("{}: {error}", rival.server))?);
        }
    }
    Ok(samples)
}

/// Who comes when: nobody is always first, nor always after the same one.
pub(crate) fn order(rivals: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..rivals).map(move |turn| if round.is_multiple_of(2) { turn + round } else { 2 * rivals - turn + round } % rivals)
}

/// A process of its own for each sample: where its memory happens to lie is then part of the spread, not of the median.
fn measure(rival: &Rival, cores: Option<Cores>, duration: Duration) -> Result<Sample> {
    let server = Server::start(rival.server, cores)?;
    let mut load = (rival.load)(server.address, cores.is_some())?;
    load.run(duration / 5)?;
    let before = server.cpu_time();
    let run = load.run(duration)?;
    let cpu = server.cpu_time().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Sample {
        rate: run.operations as f64 / run.elapsed.as_secs_f64(),
        cpu: cpu.map(|cpu| cpu.as_nanos() as f64 / run.operations as f64),
        p50: run.latencies.value_at_quantile(0.5),
        p99: run.latencies.value_at_quantile(0.99),
        lost: run.lost,
    })
}

/// Puts the workload on each of its rivals once more, and counts their system calls. Times mean nothing then.
///
/// # Errors
/// Also where there is no strace that may do so.
pub fn count_calls(workload: &Workload, cores: Option<Cores>, duration: Duration) -> Result<Vec<Calls>> {
    let count = |rival: &Rival| {
        let server = Server::start(rival.server, cores)?;
        // Clients that spin would take the core from strace, which has none of its own.
        let mut load = (rival.load)(server.address, false)?;
        load.run(duration / 5)?;
        let trace = Trace::attach(&server)?;
        let run = load.run(duration)?;
        trace.finish(server, run.operations)
    };
    workload.rivals.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rival_has_its_turn_in_every_round() {
        for round in 0..6 {
            let mut turns: Vec<_> = order(3, round).collect();
            turns.sort_unstable();
            assert_eq!(turns, [0, 1, 2], "round {round}");
        }
    }
}
