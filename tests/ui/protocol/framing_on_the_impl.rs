use twisty::prelude::*;

#[protocol(line)]
#[derive(Default)]
struct Echo;

#[protocol(line)]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
