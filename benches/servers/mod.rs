//! The servers, by name. Each listens on a free port of the loopback address, says which on its first line
//! (`tcp:127.0.0.1:PORT`), and serves until it is killed.

mod by_hand;
mod with_tokio;
mod with_twisty;

use std::fmt::Display;
use std::io::Write;

use crate::Result;

type Serve = fn() -> Result;

const SERVERS: [(&str, Serve); 7] = [
    ("echo-mio", by_hand::echo),
    ("echo-tokio", with_tokio::echo),
    ("echo-twisty", with_twisty::echo),
    ("lines-mio", by_hand::lines),
    ("lines-tokio-send", with_tokio::lines_send),
    ("lines-tokio-batched", with_tokio::lines_batched),
    ("lines-twisty", with_twisty::lines),
];

/// Serves in this process, until it is killed.
pub fn serve(name: &str) -> Result {
    match SERVERS.iter().find(|(known, _)| *known == name) {
        Some((_, serve)) => serve(),
        None => Err(format!("no server {name:?}; there are {}", SERVERS.map(|(known, _)| known).join(", ")).into()),
    }
}

fn announce(address: impl Display) -> Result {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{address}")?;
    Ok(stdout.flush()?)
}
