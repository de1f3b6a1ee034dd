use twisty::prelude::*;

#[protocol(line, factory = Site)]
struct Echo;

struct Site;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
