//! Says two things, a second apart, and leaves: one protocol is connected, and called from outside.
//!
//! Run: `cargo run --example greeter -- tcp:localhost:8007`      Before that, in another terminal: `nc -l 8007`
use std::time::Duration;

use twisty::prelude::*;
use twisty::task::defer_later;

#[protocol(line, delimiter = b"\n")]
#[derive(Default)]
struct Greeter {
    said: u32,
}

#[protocol]
impl Greeter {
    #[on(line)]
    fn hear(&mut self, line: &str) {
        println!("{line}");
    }

    #[on(disconnect)]
    fn finish(&mut self) {
        println!("said {} things", self.said);
    }

    fn say(&mut self, cx: &Context<Self>, message: &str) {
        self.said += 1;
        cx.send(format!("MESSAGE {message}"));
    }
}

/// Connects, says what there is to say, and waits until the connection is closed.
async fn greet(reactor: Reactor, endpoint: String, pause: Duration) -> twisty::Result<()> {
    let server = reactor.connect_protocol(&endpoint, Greeter::default()).await?;
    server.call(|greeter, cx| greeter.say(cx, "Hello")).await?;
    defer_later(pause, &reactor, || Ok(())).await?;
    server.call(|greeter, cx| greeter.say(cx, "This is sent in a second")).await?;
    defer_later(pause, &reactor, || Ok(())).await?;
    server.lose_connection();
    server.when_lost().await?;
    Ok(())
}

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:localhost:8007".into());
    twisty::run(|reactor| greet(reactor.clone(), endpoint, Duration::from_secs(1)))
}

#[cfg(test)]
#[path = "greeter_test.rs"]
mod tests;
