//! The protocols under test, as the examples are written, and servers of them.

use benches::{Result, certificate};
use twisty::prelude::*;
use twisty::tls::{Identity, ServerTls};

const LOOPBACK: &str = "tcp:0:interface=127.0.0.1";

#[protocol(raw)]
#[derive(Default)]
pub(crate) struct RawEcho;

#[protocol]
impl RawEcho {
    #[on(data)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.send(data);
    }
}

#[protocol(line)]
#[derive(Default)]
pub(crate) struct LineEcho;

#[protocol]
impl LineEcho {
    #[on(line)]
    fn echo(&mut self, cx: &Context<Self>, line: &[u8]) {
        cx.send(line);
    }
}

#[protocol(netstring)]
#[derive(Default)]
pub(crate) struct NetstringEcho;

#[protocol]
impl NetstringEcho {
    #[on(string)]
    fn echo(&mut self, cx: &Context<Self>, string: &[u8]) {
        cx.send(string);
    }
}

#[protocol(int32)]
#[derive(Default)]
pub(crate) struct Int32Echo;

#[protocol]
impl Int32Echo {
    #[on(string)]
    fn echo(&mut self, cx: &Context<Self>, string: &[u8]) {
        cx.send(string);
    }
}

/// Takes text, and replies by what it returns.
#[protocol(line)]
#[derive(Default)]
pub(crate) struct Polite;

#[protocol]
impl Polite {
    #[on(line)]
    fn thank(&mut self, line: &str) -> &'static str {
        if line.is_empty() { "pardon?" } else { "thank you" }
    }
}

/// Takes numbers.
#[protocol(line)]
#[derive(Default)]
pub(crate) struct Parity;

#[protocol]
impl Parity {
    #[on(line)]
    fn tell(&mut self, number: u64) -> &'static str {
        if number.is_multiple_of(2) { "even" } else { "odd" }
    }
}

/// Takes lines, and does nothing: what is left is what every line costs.
#[protocol(line)]
#[derive(Default)]
pub(crate) struct Deaf;

#[protocol]
impl Deaf {
    #[on(line)]
    fn hear(&mut self, line: &[u8]) {
        std::hint::black_box(line);
    }
}

/// Takes numbers in one of its states, and replies nothing.
#[protocol(line)]
#[derive(Default)]
pub(crate) struct Till;

#[derive(Default)]
pub(crate) struct Open {
    sum: u64,
}

#[derive(Default)]
pub(crate) struct Shut;

#[state_machine(Open, Shut)]
impl Till {
    #[on(line in Open)]
    fn add(&mut self, till: &mut Open, number: u64) -> Option<Shut> {
        till.sum = till.sum.wrapping_add(number);
        (number == u64::MAX).then_some(Shut)
    }

    #[on(line in Shut)]
    fn open(&mut self) -> Open {
        Open::default()
    }
}

/// Each line is a reply and the next state.
#[protocol(line)]
#[derive(Default)]
pub(crate) struct Swing;

#[derive(Default)]
pub(crate) struct Left;

#[derive(Default)]
pub(crate) struct Right {
    swings: u64,
}

#[state_machine(Left, Right)]
impl Swing {
    #[on(line in Left)]
    fn right(&mut self, number: u64) -> (&'static str, Right) {
        ("right", Right { swings: number + 1 })
    }

    #[on(line in Right)]
    fn left(&mut self, right: &Right) -> (&'static str, Left) {
        std::hint::black_box(right.swings);
        ("left", Left)
    }
}

#[protocol(datagram)]
pub(crate) struct DatagramEcho;

#[protocol]
impl DatagramEcho {
    #[on(datagram)]
    fn echo<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        data
    }
}

/// Tells every member what one of them says.
#[protocol(line, factory = Room)]
#[derive(Default)]
pub(crate) struct Member;

#[factory(protocol = Member)]
#[derive(Default)]
pub(crate) struct Room {
    members: Vec<Transport<Line>>,
}

#[protocol]
impl Member {
    #[on(connect)]
    fn join(&mut self, cx: &Context<Self>) {
        cx.factory_mut().members.push(cx.transport());
    }

    #[on(line)]
    fn say(&mut self, cx: &Context<Self>, line: &str) {
        twisty::broadcast(&cx.factory().members, line);
    }
}

/// Serves in this process until it is killed: what is only a gate, or else one of the servers of the benches.
pub(crate) fn serve(name: &str) -> Result {
    let served = match name {
        "room" => run(|reactor| reactor.listen(LOOPBACK, Room::default())),
        "lines-tls" => {
            let pem = certificate::pem()?;
            let tls = ServerTls::new(Identity::from_pem(pem, pem)?);
            run(|reactor| reactor.listen_tls(LOOPBACK, &tls, LineEcho::factory()))
        }
        name => return benches::servers::serve(name),
    };
    served.map_err(|failure| failure.to_string().into())
}

fn run(listen: impl FnOnce(&Reactor) -> twisty::Result<twisty::Port>) -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    println!("{}", listen(&reactor)?.host());
    reactor.run()
}
