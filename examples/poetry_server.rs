//! Serves a text slowly: some bytes, a while, some more, and hangs up at the end.
//!
//! Run: `cargo run --example poetry_server -- examples/poetry/ecstasy.txt tcp:10001 --num-bytes 10 --delay 0.7`
//! Try, in another terminal: `nc localhost 10001`
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use twisty::clock;
use twisty::prelude::*;
use twisty::task::LoopingCall;

/// Serves a text slowly.
#[factory(protocol = Recital)]
#[derive(Parser)]
struct Poetry {
    /// The file with the text
    #[arg(value_parser = read)]
    poem: Arc<str>,
    /// Where to listen
    #[arg(default_value = "tcp:10001")]
    endpoint: String,
    /// How much is sent at a time
    #[arg(long, default_value = "10")]
    num_bytes: NonZeroUsize,
    /// Seconds from one time to the next
    #[arg(long, default_value = "0.7", value_parser = seconds, allow_negative_numbers = true)]
    delay: Duration,
}

fn read(path: &str) -> io::Result<Arc<str>> {
    fs::read_to_string(path).map(Arc::from)
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let delay = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    delay.filter(|delay| !delay.is_zero()).ok_or("write seconds, more than 0, as in `0.7`")
}

#[protocol(raw, factory = Poetry)]
#[derive(Default)]
struct Recital;

#[protocol]
impl Recital {
    #[on(connect)]
    fn recite(&mut self, cx: &Context<Self>) -> twisty::Result<()> {
        let (poetry, transport) = (cx.factory(), cx.transport());
        let (poem, num_bytes) = (Arc::clone(&poetry.poem), poetry.num_bytes.get());
        let mut sent = 0;
        let clock = clock::current().ok_or_else(|| Failure::message("no clock runs here"))?;
        let recital = LoopingCall::with_handle(&*clock, move |recital| {
            let end = poem.len().min(sent + num_bytes);
            transport.write(&poem.as_bytes()[sent..end]);
            sent = end;
            if sent == poem.len() { Ok(recital.stop()?) } else { Ok(()) }
        });
        // If the client leaves before, what is attached is cancelled, and the recital ends too.
        cx.attach(recital.start(poetry.delay, true)?, |_, cx, _recital| cx.lose_connection());
        Ok(())
    }
}

fn main() -> twisty::Result<()> {
    let poetry = Poetry::parse();
    let endpoint = poetry.endpoint.clone();
    twisty::serve(&endpoint, poetry)
}

#[cfg(test)]
#[path = "poetry_server_test.rs"]
mod tests;
