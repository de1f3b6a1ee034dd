//! TLS that begins in mid-connection.

use std::io::Write;
use std::net::TcpStream;

use live::Client;

use crate::certificates::Authority;
use crate::peer::Settings;
use crate::server::Served;

fn upgrade(authority: &Authority, client: &mut Client) -> crate::peer::Peer {
    assert_eq!(client.send("starttls\r\n").line(), "go ahead");
    let socket: TcpStream = client.socket().try_clone().expect("a socket");
    Settings::trusting(authority).upgrade(socket, "localhost")
}

#[test]
fn what_was_sent_before_is_clear_and_what_was_sent_after_is_not() {
    let authority = Authority::new();
    let served = Served::in_clear(authority.server("localhost"));
    let mut client = served.live.connect();
    assert_eq!(client.send("private?\r\n").line(), "no");
    let mut peer = upgrade(&authority, &mut client);
    assert_eq!(peer.line(), "encrypted");
    assert_eq!(peer.send("private?\r\n").line(), "yes");
    assert_eq!(peer.send("many 3\r\n").line(), "a tiny line");
    peer.close_notify();
    assert_eq!(served.end(), "the connection was closed cleanly");
}

#[test]
fn what_comes_in_clear_behind_it_is_refused() {
    let authority = Authority::new();
    let served = Served::in_clear(authority.server("localhost"));
    let mut client = served.live.connect();
    client.send("starttls\r\nwho\r\n");
    let said = client.rest().unwrap_or_default();
    assert!(!String::from_utf8_lossy(&said).contains("encrypted"), "nothing that was to be encrypted goes out");
    assert!(served.end().starts_with("5 bytes came in clear behind what asked for TLS"));
}

#[test]
fn an_unfinished_line_behind_it_is_refused_too() {
    let authority = Authority::new();
    let served = Served::in_clear(authority.server("localhost"));
    let mut client = served.live.connect();
    client.send("starttls\r\nwh");
    assert!(served.end().starts_with("2 bytes came in clear"));
}

#[test]
fn what_comes_in_clear_later_is_no_tls() {
    let authority = Authority::new();
    let served = Served::in_clear(authority.server("localhost"));
    let mut client = served.live.connect();
    assert_eq!(client.send("starttls\r\n").line(), "go ahead");
    client.socket().write_all(b"who\r\nwho\r\nwho\r\n").expect("it is taken");
    assert!(served.end().starts_with("the peer broke TLS: "));
    let said = client.rest().unwrap_or_default();
    assert_eq!(said.first(), Some(&21), "an alert: {said:?}");
}

#[test]
fn it_starts_once() {
    let authority = Authority::new();
    let served = Served::in_clear(authority.server("localhost"));
    let mut client = served.live.connect();
    let mut peer = upgrade(&authority, &mut client);
    assert_eq!(peer.line(), "encrypted");
    assert_eq!(peer.send("starttls\r\n").line(), "go ahead");
    assert_eq!(peer.line(), "encrypted", "as before");
    assert_eq!(peer.send("hi\r\n").line(), "hi");
}

#[test]
fn it_has_its_time() {
    let authority = Authority::new();
    let tls = authority.server("localhost").handshake_timeout(std::time::Duration::from_millis(50));
    let served = Served::in_clear(tls);
    let mut client = served.live.connect();
    assert_eq!(client.send("starttls\r\n").line(), "go ahead");
    assert_eq!(served.end(), "the peer did not finish its handshake within 50ms");
    client.rest().expect("an end");
}
