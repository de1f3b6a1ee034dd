//! Echo without macros: what the attributes would write.
//!
//! Run: `cargo run --example by_hand`      Try, in another terminal: `nc localhost 8007`
use twisty::prelude::*;

#[derive(Default)]
struct Echo;

impl Protocol for Echo {
    type Framing = Raw;
    type Factory = ForProtocol<Self>; // a factory with no state of its own

    fn framing() -> Raw {
        Raw
    }

    fn frame_received(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.send(data);
    }
}

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:8007".into());
    twisty::serve(&endpoint, ForProtocol::<Echo>::default())
}

#[cfg(test)]
#[path = "by_hand_test.rs"]
mod tests;
