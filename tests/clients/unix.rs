//! UNIX sockets.

use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use socket2::{Domain, SockAddr, Socket, Type};
use twisty::endpoint::UnixClient;
use twisty::prelude::*;

use crate::{Log, Probe, kind, wait_for};

/// A path for a socket, which is there only while this lives.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("twisty-{}-{name}", std::process::id())))
    }

    fn endpoint(&self) -> UnixClient {
        UnixClient::new(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _not_there = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_conversation() -> twisty::Result<()> {
    let (reactor, log, place) = (Reactor::new()?, Log::default(), Place::new("conversation"));
    let server = UnixListener::bind(&place.0)?;
    let connector = reactor.connect(place.endpoint(), Probe::new(&log))?;
    assert_eq!(connector.destination(), format!("unix:{}", place.0.display()));
    wait_for(&reactor, &log, "made");
    let (mut peer, _) = server.accept()?;
    peer.write_all(b"hello\r\nclose\r\n")?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all[3..5], ["line hello", "line close"]);
    assert_eq!(all[6], "lost: the connection was closed cleanly");
    Ok(())
}

#[test]
fn nobody_is_there() -> twisty::Result<()> {
    let (reactor, log, place) = (Reactor::new()?, Log::default(), Place::new("nobody"));
    reactor.connect(place.endpoint(), Probe::new(&log))?;
    assert_eq!(wait_for(&reactor, &log, "stop")[2], "failed: entity not found");
    drop(UnixListener::bind(&place.0)?);
    let log = Log::default();
    reactor.connect(place.endpoint(), Probe::new(&log))?;
    assert_eq!(wait_for(&reactor, &log, "stop")[2], "failed: connection refused");
    Ok(())
}

#[test]
fn too_many_wait() -> twisty::Result<()> {
    let (reactor, place) = (Reactor::new()?, Place::new("crowded"));
    let server = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    server.bind(&SockAddr::unix(&place.0)?)?;
    server.listen(0)?;
    let mut clients = Vec::new();
    loop {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        client.set_nonblocking(true)?;
        if client.connect(&SockAddr::unix(&place.0)?).is_err() {
            break;
        }
        clients.push(client);
        assert!(clients.len() < 100, "the queue is full some time");
    }
    let log = Log::default();
    reactor.connect(place.endpoint(), Probe::new(&log))?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all[2], format!("failed: {}", io::ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn an_abstract_name() -> twisty::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("twisty-{}-clients", std::process::id());
    let server = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    let (reactor, log) = (Reactor::new()?, Log::default());
    let connector = reactor.connect(format!("unix:@{name}"), Probe::new(&log))?;
    wait_for(&reactor, &log, "made");
    drop(server.accept()?);
    wait_for(&reactor, &log, "stop");
    assert_eq!(
        kind(&connector.stop_connecting().expect_err("it is over").into()),
        "this connector does not connect, so that there is nothing to stop"
    );
    Ok(())
}
