use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String, _again: &[u8]) -> String {
        line
    }
}

fn main() {}
