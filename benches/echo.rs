//! Echo over loopback: twisty against a hand-written mio loop, tokio and Twisted.
//!
//! Run: `cargo bench -p benches --bench echo`      Shorter: `… --bench echo -- --quick '64 conn'`
//!
//! Each row of a table is a server, measured in turns with the mio loop of its workload; the ratios are medians over
//! the rounds, with the least and the greatest. Below 1.00 is better for CPU time, above 1.00 for operations.
//!
//! tokio reads into a buffer for each connection, of 8 KiB as usual; for messages of 16 KiB it has 64 KiB, which is what
//! the mio loop and twisty have for all connections together.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::{Dialogue, Script};
use benches::options::Options;
use benches::tape::{Tape, text};

/// Label and name of a server.
type Server = (&'static str, &'static str);

const SMALL: [Server; 4] = servers(("tokio", "echo-tokio"));
const LARGE: [Server; 4] = servers(("tokio, buffers of 64 KiB", "echo-tokio-large"));

const fn servers(tokio: Server) -> [Server; 4] {
    [("mio loop", "echo-mio"), ("twisty", "echo-twisty"), tokio, ("Twisted", "echo-twisted")]
}

/// Messages of the tape that all clients share: more than there are clients.
const MESSAGES: usize = 2048;

fn main() -> Result {
    let (small, large) = (Tape::new(MESSAGES, |number| text(number, 64)), Tape::new(16, |number| text(number, 16384)));
    Options::parse().run(&[
        echo(SMALL, "echo 64 B, 1 conn.", 1.03, 1, &small),
        echo(SMALL, "echo 64 B, 64 conn.", 1.03, 64, &small),
        echo(SMALL, "echo 64 B, 1000 conn.", 1.03, 1000, &small),
        echo(LARGE, "echo 16 KiB, 16 conn.", 1.05, 16, &large),
    ])
}

/// One message at a time on each connection.
fn echo(servers: [Server; 4], name: &str, aim: f64, connections: usize, messages: &Tape) -> Workload {
    let script = Script { requests: messages.clone(), replies: messages.clone(), depth: 1 };
    let rival = |(label, server)| {
        let script = script.clone();
        Rival::new(label, server, move |address, spin| Dialogue::connect(address, spin, connections, script.clone()))
    };
    Workload::new(name, aim, servers.map(rival))
}
