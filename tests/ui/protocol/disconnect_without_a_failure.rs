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
    fn bye(&mut self, _reason: std::io::Error) {}
}

fn main() {}
