//! Loads: clients that keep a server busy, and check every byte that it sends.

mod dialogue;

use std::fmt;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Result;

pub use dialogue::{Dialogue, Script};

/// How long a server may keep the clients waiting when it should only finish its last replies.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that are connected to a server.
pub trait Load: fmt::Debug {
    /// Keeps all clients busy for so long, then lets them finish.
    ///
    /// # Errors
    /// When the server sends anything wrong, or nothing for too long.
    fn run(&mut self, duration: Duration) -> Result<Run>;
}

/// What a load did in one run.
#[derive(Debug)]
pub struct Run {
    began: Instant,
    /// How many operations it was.
    pub operations: u64,
    /// How long they took together.
    pub elapsed: Duration,
    /// Nanoseconds that each of them took, or each batch of them.
    pub latencies: Histogram<u64>,
}

impl Run {
    fn begin() -> Self {
        // Three figures of up to a minute; it cannot fail. What takes longer counts as a minute.
        let latencies = Histogram::new_with_max(60_000_000_000, 3).expect("three figures are few enough");
        Self { began: Instant::now(), operations: 0, elapsed: Duration::ZERO, latencies }
    }

    /// So many operations have come to their end together.
    fn finished(&mut self, operations: usize, began: Instant) {
        self.operations += operations as u64;
        self.latencies.saturating_record(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    fn end(self) -> Self {
        Self { elapsed: self.began.elapsed(), ..self }
    }
}

/// How long one poll waits: not at all where the clients have a core of their own, so that servers are not charged for
/// waking them up.
const fn wait(spin: bool) -> Duration {
    if spin { Duration::ZERO } else { PATIENCE }
}
