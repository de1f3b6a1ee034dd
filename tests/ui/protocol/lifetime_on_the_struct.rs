use twisty::prelude::*;

#[protocol(line)]
struct Echo<'a> {
    greeting: &'a str,
}

#[protocol]
impl<'a> Echo<'a> {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() {}
