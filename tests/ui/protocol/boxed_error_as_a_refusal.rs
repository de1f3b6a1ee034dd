use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> Result<String, Box<dyn std::error::Error>> {
        Ok(line)
    }
}

fn main() {}
