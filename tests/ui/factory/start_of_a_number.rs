use twisty::prelude::*;

#[protocol(line, factory = Site)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

#[factory(protocol = Echo, start = Self::start)]
struct Site;

impl Site {
    fn start(&mut self) -> u8 {
        1
    }
}

fn main() {}
