use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(open)]
    fn hello(&mut self) {}

    #[on(message)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(close)]
    fn bye(&mut self) {}
}

fn main() {}
