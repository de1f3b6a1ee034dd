use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }


    #[on(moon)]
    fn howl(&mut self) {}
}

fn main() {}
