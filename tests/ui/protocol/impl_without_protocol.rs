use twisty::prelude::*;

#[protocol(line)]
#[derive(Default)]
struct Echo;

impl Echo {
    #[on(line)]
    fn echo(&mut self, cx: &Context<Self>, line: &str) {
        cx.send(line);
    }
}

fn main() -> twisty::Result<()> {
    twisty::serve("tcp:8007", Echo::factory())
}
