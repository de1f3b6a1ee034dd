use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line_received)]
    fn echo(&mut self, line: String) -> String {
        line
    }


    #[on(connection_made)]
    fn hello(&mut self) {}
}

fn main() {}
