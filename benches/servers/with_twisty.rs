//! The twisty servers, as the examples are written.

use std::collections::HashMap;

use twisty::prelude::*;
use twisty::tls::{Identity, ServerTls};

use super::{QUOTE, announce};
use crate::certificate;

pub(super) fn echo() -> crate::Result {
    run(Echo::factory())
}

pub(super) fn lines() -> crate::Result {
    run(LineEcho::factory())
}

pub(super) fn netstrings() -> crate::Result {
    run(NetstringEcho::factory())
}

pub(super) fn strings() -> crate::Result {
    run(StringEcho::factory())
}

pub(super) fn chat() -> crate::Result {
    run(Room::default())
}

pub(super) fn quote() -> crate::Result {
    run(Qotd::factory())
}

pub(super) fn datagrams() -> crate::Result {
    listen_to_datagrams().map_err(|failure| failure.to_string().into())
}

pub(super) fn echo_tls() -> crate::Result {
    listen_tls(certificate::pem()?).map_err(|failure| failure.to_string().into())
}

fn run<F: Factory>(factory: F) -> crate::Result {
    listen_and_run(factory).map_err(|failure| failure.to_string().into())
}

fn listen_and_run<F: Factory>(factory: F) -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let port = reactor.listen("tcp:0:interface=127.0.0.1", factory)?;
    announce_and_run(&reactor, port.host())
}

fn listen_tls(pem: &str) -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let tls = ServerTls::new(Identity::from_pem(pem, pem)?);
    let port = reactor.listen_tls("tcp:0:interface=127.0.0.1", &tls, Echo::factory())?;
    announce_and_run(&reactor, port.host())
}

fn listen_to_datagrams() -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", DatagramEcho)?;
    announce_and_run(&reactor, port.host())
}

fn announce_and_run(reactor: &Reactor, host: Address) -> twisty::Result<()> {
    announce(host).map_err(|error| Failure::message(error.to_string()))?;
    reactor.run()?;
    Ok(())
}

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

#[protocol(netstring)]
#[derive(Default)]
struct NetstringEcho;

#[protocol]
impl NetstringEcho {
    #[on(string)]
    fn echo(&mut self, cx: &Context<Self>, string: &[u8]) {
        cx.send(string);
    }
}

#[protocol(int32)]
#[derive(Default)]
struct StringEcho;

#[protocol]
impl StringEcho {
    #[on(string)]
    fn echo(&mut self, cx: &Context<Self>, string: &[u8]) {
        cx.send(string);
    }
}

#[protocol(line)]
#[derive(Default)]
struct Qotd;

#[protocol]
impl Qotd {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) {
        cx.write(QUOTE);
        cx.lose_connection();
    }
}

#[protocol(datagram)]
struct DatagramEcho;

#[protocol]
impl DatagramEcho {
    #[on(datagram)]
    fn echo<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        data
    }
}

/// Who is here, by name.
#[factory(protocol = Chat)]
#[derive(Default)]
struct Room {
    users: HashMap<String, Transport<Line>>,
}

#[protocol(line, factory = Room)]
#[derive(Default)]
struct Chat;

#[derive(Default)]
struct GetName;
struct Chatting {
    name: String,
}

#[state_machine(GetName, Chatting)]
impl Chat {
    #[on(line in GetName)]
    fn get_name(&mut self, cx: &Context<Self>, name: String) -> (String, Chatting) {
        cx.factory_mut().users.insert(name.clone(), cx.transport());
        (format!("Welcome, {name}!"), Chatting { name })
    }

    #[on(line in Chatting)]
    fn say(&mut self, cx: &Context<Self>, me: &Chatting, message: &str) {
        let room = cx.factory();
        twisty::broadcast(room.users.iter().filter(|(name, _)| **name != me.name).map(|(_, user)| user), message);
    }

    #[on(disconnect in Chatting)]
    fn leave(&mut self, cx: &Context<Self>, me: &Chatting) {
        cx.factory_mut().users.remove(&me.name);
    }
}
