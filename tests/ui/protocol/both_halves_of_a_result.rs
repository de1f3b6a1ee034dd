use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> Result<usize, std::fmt::Error> {
        Ok(line.len())
    }
}

fn main() {}
