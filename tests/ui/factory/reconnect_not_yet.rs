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

#[factory(protocol = Echo, reconnect(initial = 1s))]
struct Site;

fn main() {}
