use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line(80))]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
