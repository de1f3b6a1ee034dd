use twisty::prelude::*;

#[protocol(int16)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(string)]
    fn echo(&mut self, string: String) -> String {
        string
    }

    #[on(raw)]
    fn raw(&mut self, _data: &[u8]) {}
}

fn main() {}
