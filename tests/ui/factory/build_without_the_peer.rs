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

#[factory(protocol = Echo, build = Self::build)]
struct Site;

impl Site {
    fn build(&mut self) -> Echo {
        Echo
    }
}

fn main() {}
