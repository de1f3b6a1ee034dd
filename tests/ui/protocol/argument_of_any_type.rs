use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: impl AsRef<str>) -> String {
        line.as_ref().to_owned()
    }
}

fn main() {}
