use twisty::prelude::*;

#[protocol(netstring, delimiter = b"\n")]
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
