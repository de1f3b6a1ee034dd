use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }


    #[on(string)]
    fn shout(&mut self, line: String) -> String {
        line.to_uppercase()
    }
}

fn main() {}
