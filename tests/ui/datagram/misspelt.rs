use twisty::prelude::*;

#[protocol(datagrm)]
struct Echo;

#[protocol]
impl Echo {
    #[on(datagrams)]
    fn echo(&mut self, data: String) -> String {
        data
    }
}

fn main() {}
