use twisty::prelude::*;

#[protocol(line, slow_consumer = dropped, low_water)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(read_connection_lost)]
    fn half_closed(&mut self) {}
}

fn main() {}
