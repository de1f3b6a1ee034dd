//! Policies: limits on connections, on their age, idleness and pace, throttles, the traffic log.

#[path = "policies/declared.rs"]
mod declared;
#[path = "policies/limits.rs"]
mod limits;
#[path = "policies/pace.rs"]
mod pace;
#[path = "policies/sockets.rs"]
mod sockets;
#[path = "policies/throttle.rs"]
mod throttle;
#[path = "policies/traffic.rs"]
mod traffic;

use std::time::Duration;

use twisty::clock::{Clock, Timestamp};
use twisty::prelude::*;
use twisty::protocol::Policies;
use twisty::testing::Server;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(seconds: f64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs_f64(seconds)
}

/// Sends back what it gets, as it comes.
#[protocol(raw)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(data)]
    fn echo(&mut self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }
}

/// Counts what it gets, and pauses when told to.
#[protocol(line, max_length = 1_000_000)]
#[derive(Default)]
struct Counter;

#[protocol]
impl Counter {
    #[on(line)]
    fn count(&mut self, cx: &Context<Self>, line: &str) -> String {
        if line == "pause" {
            cx.pause_reading();
        }
        line.len().to_string()
    }
}

fn echo_under(policies: Policies) -> Server<ForProtocol<Echo>> {
    Server::new(Echo::factory().with_policies(policies))
}

fn counter_under(policies: Policies) -> Server<ForProtocol<Counter>> {
    Server::new(Counter::factory().with_policies(policies))
}

/// Lets time pass until `done`, in steps of a millisecond; what time it is then. No more than ten minutes.
fn advance_until<F: Factory>(server: &Server<F>, done: impl Fn() -> bool) -> Timestamp {
    while !done() {
        assert!(server.now() < seconds(600.0), "it never comes true");
        server.advance(Duration::from_millis(1));
    }
    server.now()
}
