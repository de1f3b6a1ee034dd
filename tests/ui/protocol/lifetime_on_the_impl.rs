use twisty::prelude::*;

#[protocol(line)]
struct Echo<'a> {
    greeting: &'a str,
}

#[protocol]
impl Echo<'_> {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
