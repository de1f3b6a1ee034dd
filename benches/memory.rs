//! What connections that do nothing cost a server in memory.

use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::load::{Dialogue, Load, Script};
use crate::process::{Cores, Server};

/// Clients that connect before the first of them speaks: as many as wait to be accepted without any being turned away.
pub const GROUP: usize = 500;

/// Clients that come and go before anything is measured: what a server needs but once is there then.
const WARM_UP: usize = 16;

/// The resident memory of a server, beside what it was before the clients came.
#[derive(Debug, Clone, Copy)]
pub struct Footprint {
    /// Bytes for each connection, while all of them are idle.
    pub each: f64,
    /// Bytes that stay when all clients have left.
    pub left: f64,
}

/// Connects so many clients, each of which says one thing and is answered. `script` is that of the group whose first
/// client has this number. `None` where the system does not tell the memory of a process.
///
/// # Errors
/// When the server cannot be started, or answers anything wrong.
pub fn footprint(
    server: &str,
    cores: Option<Cores>,
    connections: usize,
    script: impl Fn(usize) -> Script,
) -> Result<Option<Footprint>> {
    let server = Server::start(server, cores)?;
    drop(connect(&server, 0, WARM_UP, &script)?);
    let before = settled(&server);
    let starts = (0..connections).step_by(GROUP);
    let groups = starts.map(|start| connect(&server, start, GROUP.min(connections - start), &script));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let idle = settled(&server);
    drop(groups);
    let after = settled(&server);
    let footprint = |before: f64| {
        let (each, left) = ((idle? - before) / connections as f64, after? - before);
        Some(Footprint { each, left })
    };
    Ok(before.and_then(footprint))
}

/// A group of clients that have been answered, and have nothing more to say.
fn connect(server: &Server, start: usize, count: usize, script: &impl Fn(usize) -> Script) -> Result<Dialogue> {
    let mut group = Dialogue::connect(server.address, false, count, script(start))?;
    group.run(Duration::ZERO)?;
    Ok(group)
}

/// Resident memory of a server that has nothing more to do: it has not run for a while.
fn settled(server: &Server) -> Option<f64> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const WHILE: Duration = Duration::from_millis(100);
    let began = Instant::now();
    let mut before = None;
    while before != server.cpu_time() && began.elapsed() < PATIENCE {
        before = server.cpu_time();
        thread::sleep(WHILE);
    }
    server.resident_bytes().map(|bytes| bytes as f64)
}
