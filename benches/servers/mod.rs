//! The servers, by name. Each listens on a free port of the loopback address, says which on its first line
//! (`tcp:127.0.0.1:PORT`, or `udp:` for datagrams), and serves until it is killed.

mod by_hand;
mod with_tokio;
mod with_twisted;
mod with_twisty;

use std::fmt::Display;
use std::io::Write;

use crate::Result;

/// What the quote servers say.
pub const QUOTE: &str = "An apple a day keeps the doctor away\r\n";

type Serve = fn() -> Result;

const SERVERS: [(&str, Serve); 36] = [
    ("echo-mio", by_hand::echo),
    ("echo-tokio", with_tokio::echo),
    ("echo-tokio-large", with_tokio::echo_large),
    ("echo-twisted", || with_twisted::serve("echo")),
    ("echo-twisty", with_twisty::echo),
    ("lines-mio", by_hand::lines),
    ("lines-tokio-batched", with_tokio::lines_batched),
    ("lines-tokio-send", with_tokio::lines_send),
    ("lines-twisted", || with_twisted::serve("lines")),
    ("lines-twisty", with_twisty::lines),
    ("netstrings-mio", by_hand::netstrings),
    ("netstrings-tokio-batched", with_tokio::netstrings_batched),
    ("netstrings-tokio-send", with_tokio::netstrings_send),
    ("netstrings-twisted", || with_twisted::serve("netstrings")),
    ("netstrings-twisty", with_twisty::netstrings),
    ("strings-mio", by_hand::strings),
    ("strings-tokio-batched", with_tokio::strings_batched),
    ("strings-tokio-send", with_tokio::strings_send),
    ("strings-twisted", || with_twisted::serve("strings")),
    ("strings-twisty", with_twisty::strings),
    ("chat-mio", by_hand::chat),
    ("chat-tokio-batched", with_tokio::chat_batched),
    ("chat-tokio-send", with_tokio::chat_send),
    ("chat-twisted", || with_twisted::serve("chat")),
    ("chat-twisty", with_twisty::chat),
    ("quote-mio", by_hand::quote),
    ("quote-tokio", with_tokio::quote),
    ("quote-twisted", || with_twisted::serve("quote")),
    ("quote-twisty", with_twisty::quote),
    ("datagrams-mio", by_hand::datagrams),
    ("datagrams-tokio", with_tokio::datagrams),
    ("datagrams-twisted", || with_twisted::serve("datagrams")),
    ("datagrams-twisty", with_twisty::datagrams),
    ("tls-mio", by_hand::echo_tls),
    ("tls-tokio", with_tokio::echo_tls),
    ("tls-twisty", with_twisty::echo_tls),
];

/// Serves in this process, until it is killed.
pub fn serve(name: &str) -> Result {
    match SERVERS.iter().find(|(known, _)| *known == name) {
        Some((_, serve)) => serve(),
        None => Err(format!("no server {name:?}; there are {}", SERVERS.map(|(known, _)| known).join(", ")).into()),
    }
}

/// Whether the server of this name can run here: those in Python need Twisted.
pub fn installed(name: &str) -> bool {
    !name.ends_with("-twisted") || with_twisted::installed()
}

/// Says which servers cannot run here, and why.
pub fn mention_missing() {
    if !with_twisted::installed() {
        eprintln!("Left out: servers in Python. tests/interop/setup makes a virtualenv with Twisted in target/.");
    }
}

fn announce(address: impl Display) -> Result {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{address}")?;
    Ok(stdout.flush()?)
}
