use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(connect)]
    fn hello(&mut self) -> &'static str {
        "hello"
    }
}

fn main() {}
