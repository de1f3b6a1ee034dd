use twisty::prelude::*;

#[protocol(datagram)]
struct Door;

#[derive(Default)]
struct Closed;
struct Open;

#[state_machine(Closed, Open)]
impl Door {
    #[on(datagram in Closed)]
    fn open(&mut self) -> Open {
        Open
    }
}

fn main() {}
