use twisty::prelude::*;

#[protocol(raw, max_length = 80)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(data)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
