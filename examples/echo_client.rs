//! A client that comes back: it retries with growing delays until the server answers again.
//!
//! Run: `cargo run --example echo_client -- tcp:localhost:8007`
use twisty::prelude::*;

#[protocol(line, factory = EchoClientFactory)]
#[derive(Default)]
struct EchoClient;

#[protocol]
impl EchoClient {
    #[on(connect)]
    fn hello(&mut self, cx: &Context<Self>) -> &'static str {
        println!("Connected to {}.", cx.transport().peer());
        "Hello, server, I am the client!"
    }

    #[on(line)]
    fn echo(&mut self, line: &str) {
        println!("{line}");
    }
}

#[factory(protocol = EchoClient, reconnect(initial = 1s, factor = 2.718, max = 1h, jitter = 0.12))]
#[derive(Default)]
struct EchoClientFactory;

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:localhost:8007".into());
    twisty::connect(&endpoint, EchoClientFactory)
}

#[cfg(test)]
#[path = "echo_client_test.rs"]
mod tests;
