use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn length(&mut self, line: &str) -> usize {
        line.len()
    }
}

fn main() {}
