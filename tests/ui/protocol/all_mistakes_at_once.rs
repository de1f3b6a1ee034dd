use twisty::prelude::*;

#[protocol(lien, max_length, idle_timeout = 60, colour = 3)]
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
