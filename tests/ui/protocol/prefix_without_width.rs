use twisty::prelude::*;

#[protocol(length_prefixed)]
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
