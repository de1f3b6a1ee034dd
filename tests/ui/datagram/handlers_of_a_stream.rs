use twisty::prelude::*;

#[protocol(datagram)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, data: String) -> String {
        data
    }
}

fn main() {}
