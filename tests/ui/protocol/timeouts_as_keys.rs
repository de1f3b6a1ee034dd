use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(timeout = Duration::from_secs(30))]
    fn bye(&mut self, cx: &Context<Self>) {
        cx.lose_connection();
    }

    #[on(disconnect = true)]
    fn end(&mut self) {}
}

fn main() {}
