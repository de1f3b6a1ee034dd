use twisty::{Address, prelude::*};

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

struct Site;

impl Factory for Site {
    type Protocol = Echo;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Echo> {
        Some(Echo)
    }
}

fn main() -> twisty::Result<()> {
    twisty::connect("tcp:localhost:8007", Site)
}
