use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(disconnect)]
    fn end(&mut self, _reason: Failure, _again: Failure) {}
}

fn main() {}
