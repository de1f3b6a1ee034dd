use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(timeout = "5min")]
    fn bye(&mut self, cx: &Context<Self>) {
        cx.lose_connection();
    }
}

fn main() {}
