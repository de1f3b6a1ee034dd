use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(lin)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
