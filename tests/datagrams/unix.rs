//! Over UNIX sockets.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use tracing::Level;
use twisty::endpoint::UnixDatagramPort;
use twisty::prelude::*;
use twisty::protocol::UnixAddress;
use twisty::{DatagramError, ListenError};

use super::{Log, Talker, turn_until};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twisty-datagrams-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is there");
    }
}

fn client(at: &Path) -> UnixDatagram {
    let client = UnixDatagram::bind(at).expect("a socket");
    client.set_nonblocking(true).expect("it can");
    client
}

fn receive(client: &UnixDatagram, reactor: &Reactor) -> Vec<u8> {
    let (mut buffer, mut length) = (vec![0; 1000], None);
    turn_until(reactor, || {
        length = client.recv(&mut buffer).ok();
        length.is_some()
    });
    buffer.truncate(length.expect("it has come"));
    buffer
}

#[test]
fn datagrams_are_answered_to_who_has_a_name() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("answers"));
    let path = folder.path("server");
    let reported = live::reported(Level::INFO, || {
        let port = reactor.listen_datagrams(UnixDatagramPort::new(&path), Talker::new(&Log::default()));
        assert_eq!(port.expect("a port").host(), Address::Unix(UnixAddress::from_path(&path)));
        let nobody = UnixDatagram::unbound().expect("a socket");
        nobody.send_to(b"whom?", &path).expect("it is sent");
        let client = client(&folder.path("client"));
        for data in ["one", ""] {
            client.send_to(data.as_bytes(), &path).expect("it is sent");
            assert_eq!(receive(&client, &reactor), data.to_uppercase().as_bytes());
        }
    });
    let [unnamed] = &*reported else { panic!("{reported:#?}") };
    assert!(unnamed.contains("it is bound to no name"), "{unnamed}");
    assert!(unnamed.starts_with("INFO"), "whoever has no name cannot fill the log with errors: {unnamed}");
}

#[test]
fn its_file_has_the_mode_and_goes_with_the_port() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("mode"));
    let path = folder.path("server");
    let mode = || fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
    let port = reactor.listen_datagrams(UnixDatagramPort::new(&path), Talker::new(&Log::default())).expect("a port");
    assert_eq!(mode(), 0o666);
    port.stop_listening();
    assert!(!path.exists(), "although somebody holds a handle");
    let private = UnixDatagramPort::new(&path).mode(0o600);
    reactor.listen_datagrams(private, Talker::new(&Log::default())).expect("a port");
    assert_eq!(mode(), 0o600);
    drop(reactor);
    assert!(!path.exists());
}

#[test]
fn only_a_socket_that_nobody_listens_on_is_replaced() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("stale"));
    let path = folder.path("server");
    let listen = || reactor.listen_datagrams(UnixDatagramPort::new(&path), Talker::new(&Log::default()));
    let refused = || {
        let error = listen().unwrap_err();
        assert!(error.check::<ListenError>().is_some_and(|error| error.endpoint.starts_with("unix-datagram:")));
    };
    drop(UnixDatagram::bind(&path).expect("a socket"));
    let port = listen().expect("nobody listens there");
    refused();
    assert!(fs::metadata(&path).expect("it is there").file_type().is_socket());
    port.stop_listening();
    drop(port);
    fs::write(&path, "no socket").expect("it is written");
    refused();
    assert_eq!(fs::read(&path).expect("it is there"), b"no socket");
}

#[test]
fn what_somebody_else_has_put_at_its_path_stays() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("replaced"));
    let path = folder.path("server");
    let port = reactor.listen_datagrams(UnixDatagramPort::new(&path), Talker::new(&Log::default())).expect("a port");
    fs::remove_file(&path).expect("it is there");
    let _theirs = UnixDatagram::bind(&path).expect("a socket");
    port.stop_listening();
    assert!(path.exists());
}

#[test]
fn an_abstract_name_has_no_file() {
    let reactor = Reactor::new().expect("a poll");
    let name = |who: &str| format!("twisty-datagrams-{}-{who}", std::process::id());
    let log = Log::default();
    reactor.listen_datagrams(format!("unix-datagram:@{}", name("server")), Talker::new(&log)).expect("a port");
    let asks =
        reactor.listen_datagrams(UnixDatagramPort::abstract_name(name("client")), Talker::new(&log)).expect("a port");
    asks.transport().send_to("stop", UnixAddress::from_abstract_name(name("server"))).expect("it is sent");
    turn_until(&reactor, || log.borrow().last().is_some_and(|last| last == "bye"));
}

#[test]
fn one_that_is_too_long_for_the_reader_is_dropped_whole() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("long"));
    let path = folder.path("server");
    let port = reactor.listen_datagrams(UnixDatagramPort::new(&path), Talker::new(&Log::default())).expect("a port");
    let client = client(&folder.path("client"));
    client.send_to(&vec![b'x'; 100_000], &path).expect("it is sent");
    client.send_to(b"one", &path).expect("it is sent");
    assert_eq!(receive(&client, &reactor), b"ONE");
    assert_eq!(port.transport().dropped(), 1);
    let sent = port.transport().send_to(vec![0; 10_000_000], UnixAddress::from_path(folder.path("client")));
    assert!(matches!(sent, Err(DatagramError::TooLong(_))), "{sent:?}");
}

#[test]
fn what_a_slow_reader_does_not_take_waits_for_it() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("slow"));
    let slow = client(&folder.path("slow"));
    let log = Log::default();
    let port = UnixDatagramPort::new(folder.path("server"));
    let port = reactor.listen_datagrams(port, Talker::new(&log)).expect("a port");
    let transport = port.transport();
    transport.connect(UnixAddress::from_path(folder.path("slow"))).expect("it is there");
    // Far more than the system keeps for a socket of its own.
    (0..2000).for_each(|n| transport.send(n.to_string()).expect("it is sent or queued"));
    assert!(transport.queued() > 0, "the system keeps all of them");
    let expected = 2000 - transport.dropped();
    for n in 0..expected {
        assert_eq!(receive(&slow, &reactor), n.to_string().as_bytes());
    }
    assert_eq!((transport.queued(), slow.recv(&mut [0; 10]).is_err()), (0, true));
}

#[test]
fn a_receiver_that_does_not_read_holds_up_nobody_else() {
    let (reactor, folder) = (Reactor::new().expect("a poll"), Folder::new("stuck"));
    let _stuck = client(&folder.path("stuck"));
    let port = UnixDatagramPort::new(folder.path("server"));
    let port = reactor.listen_datagrams(port, Talker::new(&Log::default())).expect("a port");
    let (transport, stuck) = (port.transport(), UnixAddress::from_path(folder.path("stuck")));
    (0..2000).for_each(|n| transport.send_to(n.to_string(), &stuck).expect("it is sent or lost"));
    assert!(transport.dropped() > 0, "the system keeps all of them");
    let client = client(&folder.path("client"));
    client.send_to(b"one", folder.path("server")).expect("it is sent");
    assert_eq!(receive(&client, &reactor), b"ONE");
}
