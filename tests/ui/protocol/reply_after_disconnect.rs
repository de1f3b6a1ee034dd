use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }


    #[on(disconnect)]
    fn bye(&mut self) -> &'static str {
        "bye"
    }
}

fn main() {}
