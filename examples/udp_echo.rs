//! UDP echo: sends each datagram back to who sent it, and says at the end how many there were.
//!
//! Run: `cargo run --example udp_echo`      Try, in another terminal: `nc -u localhost 8009`, and type
use twisty::prelude::*;

#[protocol(datagram)]
#[derive(Default)]
struct UdpEcho {
    datagrams: u64,
}

#[protocol]
impl UdpEcho {
    #[on(datagram)]
    fn echo<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        self.datagrams += 1;
        data
    }

    #[on(stop)]
    fn report(&self) {
        println!("{} datagrams", self.datagrams);
    }
}

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("udp:8009".into());
    twisty::serve_datagrams(endpoint, UdpEcho::default())
}

#[cfg(test)]
#[path = "udp_echo_test.rs"]
mod tests;
