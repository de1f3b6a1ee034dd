use twisty::prelude::*;

#[protocol(line)]
struct Echo;

trait Speak {
    fn echo(&mut self, line: String) -> String;
}

#[protocol]
impl Speak for Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
