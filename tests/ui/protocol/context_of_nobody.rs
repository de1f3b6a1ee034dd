use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, cx: &Context, line: String) {
        cx.send(line);
    }
}

fn main() {}
