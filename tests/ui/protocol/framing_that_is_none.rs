use twisty::prelude::*;

struct Records;

#[protocol(Records)]
struct Echo;

#[protocol]
impl Echo {
    #[on(frame)]
    fn echo(&mut self, record: Vec<u8>) -> Vec<u8> {
        record
    }
}

fn main() {}
