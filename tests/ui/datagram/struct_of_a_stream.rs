use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(datagram)]
    fn echo(&mut self, data: String) -> String {
        data
    }
}

fn main() {}
