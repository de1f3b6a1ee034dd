//! What the benches share: servers, each in a process of its own, and a load that is put on them in turns.
//!
//! `cargo bench -p benches --bench echo` runs one bench and prints its table; `-- --help` tells its options.
//! `cargo bench -p benches` runs all of them, and writes what they print to `benches/results/`, with charts.
//!
//! Times on a shared machine mean little, so nothing here is compared across runs. In every round each server of a
//! workload has its turn, a fraction of a second, and what counts is the ratio to the hand-written mio loop of the same
//! round. The server's own CPU time per operation is the figure to trust: operations per second are often the limit of
//! the load generator.
//!
//! `framing`, `dispatch`, `deferred`, `timers` and `wakes` need no servers. They hold contests: the same work done in
//! several ways in one process, each of which has its turn in every round. `compile` runs cargo.
//!
//! What must not become dearer again is held by the test `gates`, which counts and never times.
//!
//! # Layout
//!
//! - [`options`]: the command line, the same for all benches.
//! - [`process`]: a server as a child process on a core of its own, and the CPU time that it took.
//! - [`servers`]: the servers, by name. A new one is a function there and a row in its table.
//! - [`certificate`]: what those of them show that speak TLS.
//! - [`tape`], [`load`]: what the clients say, and the clients, which check every byte of the replies.
//! - [`memory`]: what connections cost a server that do nothing.
//! - [`compare`]: workloads, and the rounds that measure them.
//! - [`contest`]: the same for work in this process.
//! - [`trace`]: the system calls of a server.
//! - [`spread`], [`aim`]: medians and ratios, and what they should be at most.
//! - [`report`]: what the samples say, as sections of the results.
//! - [`table`], [`chart`], [`results`]: how that is printed, drawn and kept, also for benches with samples of another kind.

pub mod aim;
pub mod certificate;
pub mod chart;
pub mod compare;
pub mod contest;
pub mod load;
pub mod memory;
pub mod options;
pub mod process;
pub mod report;
pub mod results;
pub mod servers;
pub mod spread;
pub mod table;
pub mod tape;
pub mod trace;

/// What everything here returns: whatever goes wrong ends the bench with a message.
pub type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;
