//! Multicast: programs of one network find each other, without a server between them.
//!
//! Run: `cargo run --example multicast -- Ann`      Then, in another terminal, or on another machine of the network:
//! `cargo run --example multicast -- Bob`. Each says who else is there. A second argument, such as `127.0.0.1`, is the
//! address of the network interface to use.
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use twisty::datagram::Interface;
use twisty::prelude::*;

const GROUP: Ipv4Addr = Ipv4Addr::new(228, 0, 0, 5);

#[protocol(datagram, max_length = 512)]
#[derive(Default)]
struct Neighbour {
    name: String,
    interface: Interface,
    met: BTreeSet<String>,
}

#[protocol]
impl Neighbour {
    #[on(start)]
    fn arrive(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
        cx.join_group(GROUP, self.interface)?;
        cx.set_multicast_interface(self.interface)?;
        self.say(cx, "hello")
    }

    /// Everybody hears what is said to the group, also who said it.
    #[on(datagram)]
    fn hear(&mut self, cx: &DatagramContext<Self>, from: &Address, said: &str) -> twisty::Result<()> {
        let Some((word, name)) = said.split_once(' ').filter(|(_, name)| *name != self.name) else { return Ok(()) };
        if self.met.insert(name.to_owned()) {
            println!("{name} is here, at {from}");
        }
        if word == "hello" { self.say(cx, "welcome") } else { Ok(()) }
    }
}

impl Neighbour {
    fn say(&self, cx: &DatagramContext<Self>, word: &str) -> twisty::Result<()> {
        let group = SocketAddr::from((GROUP, cx.host().port().unwrap_or_default()));
        Ok(cx.send_to(format!("{word} {}", self.name), group)?)
    }
}

fn main() -> twisty::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or("Somebody".into());
    let interface = arguments.next().map(|address| address.parse().map(Interface::Ip)).transpose()?;
    let me = Neighbour { name, interface: interface.unwrap_or_default(), ..Neighbour::default() };
    twisty::serve_datagrams("udp:8005:reuse_port=yes", me)
}

#[cfg(test)]
#[path = "multicast_test.rs"]
mod tests;
