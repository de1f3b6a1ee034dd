use twisty::prelude::*;

#[protocol(raw)]
struct Echo;

#[protocol]
impl Echo {
    #[on(dataReceived)]
    fn echo(&mut self, data: &[u8]) -> Vec<u8> {
        data.into()
    }
}

fn main() {}
