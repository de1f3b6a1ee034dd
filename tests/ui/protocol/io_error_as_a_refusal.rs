use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> std::io::Result<String> {
        Ok(line)
    }
}

fn main() {}
