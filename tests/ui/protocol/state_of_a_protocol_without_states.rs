use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line in Chatting)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
