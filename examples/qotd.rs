//! Quote of the day: greets every connection with a quote and hangs up.
//!
//! Run: `cargo run --example qotd`      Try, in another terminal: `nc localhost 8007`
use twisty::prelude::*;

/// One per connection.
#[protocol(line, factory = QotdFactory)]
#[derive(Default)]
struct Qotd;

#[protocol]
impl Qotd {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) {
        cx.send(&cx.factory().quote);
        cx.lose_connection(); // only after everything sent so far has reached the operating system
    }
}

/// One per listening port: what outlives a connection.
#[factory(protocol = Qotd)]
struct QotdFactory {
    quote: String,
}

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:8007".into());
    let quote = "An apple a day keeps the doctor away".into();
    twisty::serve(&endpoint, QotdFactory { quote })
}

#[cfg(test)]
#[path = "qotd_test.rs"]
mod tests;
