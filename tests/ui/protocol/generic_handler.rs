use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo<T: From<String>>(&mut self, line: String) -> T {
        line.into()
    }
}

fn main() {}
