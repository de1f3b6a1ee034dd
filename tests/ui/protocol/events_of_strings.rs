use twisty::prelude::*;

#[protocol(netstring)]
struct Echo;

#[protocol]
impl Echo {
    #[on(stringReceived)]
    fn echo(&mut self, string: String) -> String {
        string
    }
}

fn main() {}
