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

#[factory(protocol = Echo, reconnect = 1s, lost = "it")]
struct Site;

fn main() {}
