//! Short visits over loopback: a client connects, reads a quote to the end of the stream, and closes.
//!
//! Run: `cargo bench -p benches --bench churn`      Shorter: `… --bench churn -- --quick`
//!
//! An operation is a visit; 32 of them are made at once. The table is read as that of `echo`.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::Visits;
use benches::options::Options;
use benches::servers::QUOTE;

const SERVERS: [(&str, &str); 4] =
    [("mio loop", "quote-mio"), ("twisty", "quote-twisty"), ("tokio", "quote-tokio"), ("Twisted", "quote-twisted")];

fn main() -> Result {
    let rival = |(label, server)| Rival::new(label, server, |address, spin| Visits::new(address, spin, 32, QUOTE));
    Options::parse().run(&[Workload::new("connect, quote, close", 1.05, SERVERS.map(rival))])
}
