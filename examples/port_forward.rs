//! Port forward: passes each connection on to another address, both ways, no faster than the slower end takes it.
//!
//! Run: `cargo run --example port_forward -- tcp:8010 tcp:localhost:8007`      Try, with `cargo run --example echo` in
//! another terminal: `nc localhost 8010`
use twisty::prelude::*;

/// One end of a forwarded connection: what arrives here is sent by the other end.
#[protocol(raw)]
struct End {
    /// Where the other end is to connect to; only of an end that came to us.
    target: Option<String>,
    other: Option<Transport<Raw>>,
}

#[protocol]
impl End {
    #[on(connect)]
    fn reach(&mut self, cx: &Context<Self>) -> twisty::Result<()> {
        if let Some(incoming) = self.other.clone() {
            return self.begin(cx, incoming);
        }
        cx.pause_reading(); // until there is somebody to read for
        let (reactor, target) = (Reactor::current().expect("handlers run on a reactor"), self.target.take());
        let outgoing = Self { target: None, other: Some(cx.transport()) };
        let connected = reactor.connect_protocol(target.expect("it came to us"), outgoing);
        cx.attach(connected, |me, cx, outgoing| me.begin(cx, outgoing.transport().clone()));
        Ok(())
    }

    /// From now on, this end is not read while the other one is too slow.
    fn begin(&mut self, cx: &Context<Self>, other: Transport<Raw>) -> twisty::Result<()> {
        other.register_producer(cx.transport())?;
        self.other = Some(other);
        cx.resume_reading();
        Ok(())
    }

    #[on(data)]
    fn pass(&mut self, data: &[u8]) {
        if let Some(other) = &self.other {
            other.write(data);
        }
    }

    #[on(eof)]
    fn pass_the_end(&mut self) {
        if let Some(other) = &self.other {
            other.unregister_producer();
            other.lose_write_connection();
        }
    }

    #[on(disconnect)]
    fn part(&mut self, reason: Failure) {
        if let Some(other) = &self.other {
            other.unregister_producer();
            if reason.check::<ConnectionDone>().is_some() { other.lose_connection() } else { other.abort_connection() }
        }
    }
}

/// What serves one port for another address.
fn forward(target: String) -> ForProtocol<End> {
    ForProtocol::new(move || End { target: Some(target.clone()), other: None })
}

fn main() -> twisty::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or("tcp:8010".into());
    let target = arguments.next().unwrap_or("tcp:localhost:8007".into());
    twisty::serve(&endpoint, forward(target))
}

#[cfg(test)]
#[path = "port_forward_test.rs"]
mod tests;
