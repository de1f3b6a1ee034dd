//! Workloads, and the rounds that measure them.

use std::time::Duration;

use crate::Result;
use crate::load::{Load, Script};
use crate::process::{Cores, Server};
use crate::tape::Tape;

/// A load, and the servers to put it on.
#[derive(Debug)]
pub struct Workload {
    /// The first column of the table.
    pub name: String,
    /// Clients at the same time.
    pub connections: usize,
    /// Messages that a client sends before it waits for the replies.
    pub depth: usize,
    /// What the clients send.
    pub requests: Tape,
    /// The first is the one that all are compared with.
    pub rivals: Vec<Rival>,
}

/// A server under a workload.
#[derive(Debug)]
pub struct Rival {
    /// The second column of the table.
    pub label: &'static str,
    /// Its name in [`servers`](crate::servers).
    pub server: &'static str,
    /// What it sends back for the requests.
    pub replies: Tape,
}

/// One server in one round.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Operations in a second.
    pub rate: f64,
    /// Nanoseconds of the server's own CPU time for one operation, where the system tells.
    pub cpu: Option<f64>,
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
            let sample = measure(workload, rival, cores, duration);
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
fn measure(workload: &Workload, rival: &Rival, cores: Option<Cores>, duration: Duration) -> Result<Sample> {
    let server = Server::start(rival.server, cores)?;
    let script = Script { requests: &workload.requests, replies: &rival.replies, depth: workload.depth };
    let mut load = Load::connect(server.address, workload.connections, script, cores.is_some())?;
    load.run(duration / 5)?;
    let before = server.cpu_time();
    let (operations, elapsed) = load.run(duration)?;
    let cpu = server.cpu_time().zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Sample {
        rate: operations as f64 / elapsed.as_secs_f64(),
        cpu: cpu.map(|cpu| cpu.as_nanos() as f64 / operations as f64),
    })
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
