//! A state can be taken by value where each half of a `Result` leads to a next one.
#![deny(warnings)]

use twisty::prelude::*;

#[protocol(line)]
#[derive(Default)]
struct Door;

#[derive(Default)]
struct Shut;
struct Open;

#[state_machine(Shut, Open)]
impl Door {
    #[on(line in Shut)]
    fn push(&mut self, _shut: Shut, strength: u8) -> Result<(&'static str, Open), (&'static str, Shut)> {
        if strength > 9 { Ok(("open", Open)) } else { Err(("harder", Shut)) }
    }

    #[on(line in Open)]
    fn pull(&mut self, _open: Open, strength: u8) -> Result<Shut, Open> {
        if strength > 9 { Ok(Shut) } else { Err(Open) }
    }
}

fn main() {
    let client = twisty::testing::Server::new(Door::factory()).connect();
    assert_eq!(client.receive("1\r\n10\r\n1\r\n10\r\n2\r\n").sent(), "harder\r\nopen\r\nharder\r\n");
}
