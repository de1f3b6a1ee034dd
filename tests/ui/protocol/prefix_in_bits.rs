use twisty::prelude::*;

#[protocol(length_prefixed(16))]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(string)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
