use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    #[cfg(unix)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
