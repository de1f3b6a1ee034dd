//! Allocations: none, once everything has been used.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use allocation_counter::measure;
use benches::Result;
use twisty::prelude::*;
use twisty::protocol::IntoShared;
use twisty::testing::{Client, Server};

use crate::protocols::{
    DatagramEcho, Int32Echo, LineEcho, Member, NetstringEcho, Parity, Polite, RawEcho, Room, Swing,
};
use crate::report::{Measured, Report};

/// Requests that arrive together.
const BATCH: usize = 16;
/// How often each thing is done, before it is measured and while it is.
const ROUNDS: usize = 32;
/// Who hears a broadcast.
const MEMBERS: usize = 100;
/// More than any machine needs for what is there already.
const PATIENCE: Duration = Duration::from_secs(10);

const LOOK_AT: &str = "what was added between the read and the write: `Connection::deliver`, the framing, the handler's \
                       argument and outcome, `Outbox`, `Agenda`. `valgrind --tool=dhat` shows who allocates";

/// One request and what everybody is answered.
struct Talk {
    name: &'static str,
    clients: usize,
    request: &'static [u8],
    reply: &'static [u8],
}

pub(crate) fn hold(report: &mut Report) -> Result {
    idle_turn(report)?;
    let line = b"a line of text\r\n";
    let one = |name, request, reply| Talk { name, clients: 1, request, reply };
    gate(report, &one("raw", line, line), RawEcho::factory)?;
    gate(report, &one("line, cx.send", line, line), LineEcho::factory)?;
    gate(report, &one("netstring", b"5:hello,", b"5:hello,"), NetstringEcho::factory)?;
    gate(report, &one("int32", b"\0\0\0\x05hello", b"\0\0\0\x05hello"), Int32Echo::factory)?;
    gate(report, &one("line, &str, returned", line, b"thank you\r\n"), Polite::factory)?;
    gate(report, &one("line, u64, returned", b"12345\r\n", b"odd\r\n"), Parity::factory)?;
    gate(report, &one("line, state machine", b"12\r\n13\r\n", b"right\r\nleft\r\n"), Swing::factory)?;
    gate(report, &Talk { name: "broadcast", clients: MEMBERS, request: line, reply: line }, || {
        let _members: fn() -> Member = Member::default;
        Room::default()
    })?;
    datagrams(report)
}

/// A turn in which nothing happens: what the other gates subtract from what they count.
fn idle_turn(report: &mut Report) -> Result {
    if !report.wants("idle turn") {
        return Ok(());
    }
    let sockets = Sockets::connect(RawEcho::factory(), 1)?;
    report.measured(&Measured {
        gate: "idle turn",
        cost: count_idle_turn(&sockets.reactor)?,
        // The reactor, boxed as the clock that is the thread's current one for that long.
        budget: 1.0,
        least: 1.0,
        unit: "allocations",
        look_at: "`Reactor::turn` and `one_turn`; no other gate sees what each turn allocates",
    });
    Ok(())
}

/// The same talk in all the ways in which it may arrive.
fn gate<F: Factory, S: IntoShared<F>>(report: &mut Report, talk: &Talk, factory: impl Fn() -> S) -> Result {
    if !report.wants(talk.name) {
        return Ok(());
    }
    let (request, batch) = (talk.request, talk.request.repeat(BATCH));
    let (start, end) = request.split_at(request.len() / 2);
    let mut sockets = Sockets::connect(factory(), talk.clients)?;
    let mut counted = vec![
        ("over a socket, one at a time", sockets.measure(&[request], talk.reply)?),
        ("over a socket, in batches", sockets.measure(&[&batch], &talk.reply.repeat(BATCH))?),
        ("over a socket, cut in two", sockets.measure(&[start, end], talk.reply)?),
    ];
    counted.push(("in memory, in batches", in_memory(factory(), talk)?));
    for (way, allocations) in counted {
        report.measured(&Measured {
            gate: &format!("{} {way}", talk.name),
            cost: allocations,
            budget: 0.0,
            least: 0.0,
            unit: "allocations",
            look_at: LOOK_AT,
        });
    }
    Ok(())
}

/// Datagrams and their echoes, some of which arrive in one turn.
fn datagrams(report: &mut Report) -> Result {
    for (gate, batch) in [("datagram, returned, one at a time", 1), ("datagram, returned, in batches", BATCH)] {
        if report.wants(gate) {
            report.measured(&Measured {
                gate,
                cost: count_datagrams(batch)? / batch as f64,
                budget: 0.0,
                least: 0.0,
                unit: "allocations",
                look_at: "what is done between the read and the write: `Datagrams::read`, `datagram::Heart`, the handler's \
                          argument and outcome, `DatagramTransport`",
            });
        }
    }
    Ok(())
}

/// Allocations of a turn in which so many datagrams arrive.
fn count_datagrams(batch: usize) -> Result<f64> {
    let reactor = Reactor::new()?;
    let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", DatagramEcho);
    let port = port.map_err(|failure| failure.to_string())?;
    // From now on it is polled.
    reactor.turn(Some(Duration::ZERO))?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(("127.0.0.1", port.host().port().unwrap_or_default()))?;
    client.set_read_timeout(Some(PATIENCE))?;
    let (datagram, mut echo) = ([b'x'; 64], [0; 65]);
    let mut round = || {
        for _ in 0..batch {
            client.send(&datagram)?;
        }
        reactor.turn(Some(PATIENCE))?;
        for _ in 0..batch {
            let length = client.recv(&mut echo)?;
            if echo[..length] != datagram {
                return Err(format!("a wrong echo: {}", echo[..length].escape_ascii()).into());
            }
        }
        Ok(())
    };
    (0..ROUNDS).try_for_each(|_| round())?;
    Ok(count(round)? - count_idle_turn(&reactor)?)
}

/// A reactor and its clients, all in this thread.
struct Sockets {
    reactor: Reactor,
    clients: Vec<TcpStream>,
    received: Vec<u8>,
}

impl Sockets {
    fn connect<F: Factory>(factory: impl IntoShared<F>, clients: usize) -> Result<Self> {
        let reactor = Reactor::new()?;
        let port = reactor.listen("tcp:0:interface=127.0.0.1", factory).map_err(|failure| failure.to_string())?;
        let port = port.host().port().unwrap_or_default();
        let mut sockets = Self { reactor, clients: Vec::new(), received: Vec::new() };
        for _ in 0..clients {
            let client = TcpStream::connect(("127.0.0.1", port))?;
            client.set_nodelay(true)?;
            client.set_read_timeout(Some(PATIENCE))?;
            sockets.clients.push(client);
            sockets.turn()?;
        }
        Ok(sockets)
    }

    /// Allocations of a round in which the pieces of a request arrive in a turn each, and everybody is answered.
    fn measure(&mut self, pieces: &[&[u8]], reply: &[u8]) -> Result<f64> {
        self.received.resize(reply.len(), 0);
        (0..ROUNDS).try_for_each(|_| self.round(pieces, reply))?;
        let counted = count(|| self.round(pieces, reply))?;
        // `turn` makes its reactor the current one each time; `run` does so once.
        Ok(counted - count_idle_turn(&self.reactor)? * pieces.len() as f64)
    }

    fn round(&mut self, pieces: &[&[u8]], reply: &[u8]) -> Result {
        for piece in pieces {
            self.clients[0].write_all(piece)?;
            self.turn()?;
        }
        for client in &mut self.clients {
            client.read_exact(&mut self.received)?;
            if self.received != reply {
                return Err(format!("a wrong reply: {}", self.received.escape_ascii()).into());
            }
        }
        Ok(())
    }

    fn turn(&self) -> Result {
        Ok(self.reactor.turn(Some(PATIENCE))?)
    }
}

/// Allocations of a turn that finds nothing to do.
fn count_idle_turn(reactor: &Reactor) -> Result<f64> {
    let turn = || Ok(reactor.turn(Some(Duration::ZERO))?);
    (0..ROUNDS).try_for_each(|_| turn())?;
    count(turn)
}

/// Allocations of one round of the work.
fn count(mut round: impl FnMut() -> Result) -> Result<f64> {
    let mut result = Ok(());
    let counted = measure(|| result = (0..ROUNDS).try_for_each(|_| round()));
    result.map(|()| counted.count_total as f64 / ROUNDS as f64)
}

/// What twice as many requests allocate more than so many; the chunk and what was sent are allocations of the test's
/// server, one each, however long they are.
fn in_memory<F: Factory>(factory: impl IntoShared<F>, talk: &Talk) -> Result<f64> {
    let server = Server::new(factory);
    let clients: Vec<_> = (0..talk.clients).map(|_| server.connect()).collect();
    let (once, twice) = (talk.request.repeat(BATCH), talk.request.repeat(2 * BATCH));
    let expected = talk.reply.repeat(2 * BATCH);
    for _ in 0..ROUNDS {
        clients[0].receive(&twice);
        let wrong = |client: &Client<F>| client.take_sent() != expected;
        if clients.iter().any(wrong) {
            return Err(format!("a wrong reply in memory: {}", talk.name).into());
        }
    }
    let allocations = |requests: &[u8]| {
        count(|| {
            clients[0].receive(requests);
            clients.iter().for_each(|client| drop(client.take_sent()));
            Ok(())
        })
    };
    Ok(allocations(&twice)? - allocations(&once)?)
}
