use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn length(&mut self, line: &str) -> Result<String, std::num::ParseIntError> {
        Ok(line.parse::<u8>()?.to_string())
    }
}

fn main() {}
