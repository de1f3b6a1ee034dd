use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(eof)]
    fn half_closed(&mut self, rest: &str) {}
}

fn main() {}
