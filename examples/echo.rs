//! Echo: greets with the number of visitors, then sends back whatever arrives.
//!
//! Run: `cargo run --example echo`      Try, in another terminal: `nc localhost 8007`
use twisty::prelude::*;

/// What all connections share.
#[factory(protocol = Echo)]
#[derive(Default)]
struct EchoFactory {
    open: usize,
}

#[protocol(raw, factory = EchoFactory)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> String {
        cx.factory_mut().open += 1;
        format!("Welcome! There are currently {} open connections.\n", cx.factory().open)
    }

    #[on(data)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.send(data);
    }

    #[on(disconnect)]
    fn leave(&mut self, cx: &Context<Self>) {
        cx.factory_mut().open -= 1;
    }
}

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:8007".into());
    twisty::serve(&endpoint, Echo::factory())
}

#[cfg(test)]
#[path = "echo_test.rs"]
mod tests;
