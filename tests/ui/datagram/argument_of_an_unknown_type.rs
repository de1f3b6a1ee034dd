use twisty::prelude::*;

struct Position;

#[protocol(datagram)]
struct Map;

#[protocol]
impl Map {
    #[on(datagram)]
    fn mark(&mut self, position: Position) {
        let _ = position;
    }
}

fn main() {}
