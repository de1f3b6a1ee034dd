use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> Result<usize, Failure> {
        Ok(line.len())
    }
}

fn main() {}
