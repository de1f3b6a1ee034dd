use twisty::prelude::*;

#[protocol(Line, delimiter = "\n", max_length = 80)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

#[protocol(twisty::framing::Netstring, max_length = 80)]
struct Far;

#[protocol]
impl Far {
    #[on(string)]
    fn echo(&mut self, string: String) -> String {
        string
    }
}

fn main() {}
