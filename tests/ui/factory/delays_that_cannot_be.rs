use twisty::prelude::*;

#[protocol(line, factory = Site)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

#[factory(
    protocol = Echo,
    reconnect(initial = 1h, max = 1s, factor = 0.5, jitter = 12, retries = -1, reset_after = 30, retires = 3)
)]
struct Site;

fn main() {}
