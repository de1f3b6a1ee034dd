use twisty::prelude::*;

#[protocol(line)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

fn main() -> twisty::Result<()> {
    twisty::serve("tcp:8007", Echo)
}
