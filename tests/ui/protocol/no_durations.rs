use twisty::prelude::*;

#[protocol(line, idle_timeout = 0s, close_timeout = 30parsecs)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
