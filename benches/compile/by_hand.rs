use twisty::prelude::*;

#[derive(Default)]
pub struct Adder {
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    GetName,
    Adding {
        name: String,
        sum: u64,
    },
}

impl Protocol for Adder {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        cx.send("What's your name?");
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        match &mut self.state {
            State::GetName => {
                let Ok(name) = String::from_frame(line) else { return cx.lose_connection() };
                cx.send(format!("Welcome, {name}!"));
                self.state = State::Adding { name, sum: 0 };
            }
            State::Adding { name, sum } => {
                let Ok(number) = u32::from_frame(line) else { return cx.lose_connection() };
                *sum += u64::from(number);
                cx.send(format!("{name} has {sum}"));
            }
        }
    }
}

pub fn listen(reactor: &Reactor) -> twisty::Result<()> {
    reactor.listen("tcp:0", ForProtocol::<Adder>::default())?;
    Ok(())
}
