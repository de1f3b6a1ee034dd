use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

#[protocol]
impl Echo {
    #[on(connect)]
    fn hello(&mut self, cx: &Context<Self>) {
        cx.lose_connection();
    }
}

fn main() {}
