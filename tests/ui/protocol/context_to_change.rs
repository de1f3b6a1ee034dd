use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, _cx: &mut Context<Self>, line: String) -> String {
        line
    }
}

fn main() {}
