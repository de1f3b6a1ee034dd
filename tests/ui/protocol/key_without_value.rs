use twisty::prelude::*;

#[protocol(line, max_length)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
