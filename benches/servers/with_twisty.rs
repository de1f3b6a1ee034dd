//! The twisty servers, as the examples are written.

use twisty::prelude::*;

use super::announce;

#[protocol(raw)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(data)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.send(data);
    }
}

#[protocol(line)]
#[derive(Default)]
struct LineEcho;

#[protocol]
impl LineEcho {
    #[on(line)]
    fn echo(&mut self, cx: &Context<Self>, line: &[u8]) {
        cx.send(line);
    }
}

pub(super) fn echo() -> crate::Result {
    run(Echo::factory()).map_err(|failure| failure.to_string().into())
}

pub(super) fn lines() -> crate::Result {
    run(LineEcho::factory()).map_err(|failure| failure.to_string().into())
}

fn run<F: Factory>(factory: F) -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let port = reactor.listen("tcp:0:interface=127.0.0.1", factory)?;
    announce(port.host()).map_err(|error| Failure::message(error.to_string()))?;
    reactor.run()?;
    Ok(())
}
