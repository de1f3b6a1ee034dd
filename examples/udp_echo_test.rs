//! The echo server of `udp_echo.rs`: in memory, and over real sockets.
use std::net::UdpSocket;
use std::time::Duration;

use live::PATIENCE;
use twisty::testing::DatagramServer;

use super::*;

#[test]
fn everything_comes_back_to_who_sent_it() {
    let server = DatagramServer::new(UdpEcho::default());
    server.receive("10.0.0.2:5000", "hello").receive("10.0.0.3:5000", "");
    assert_eq!(server.sent_to("10.0.0.2:5000"), ["hello"]);
    assert_eq!(server.sent_to("10.0.0.3:5000"), [""]);
}

#[test]
fn echoes_over_a_socket() {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", UdpEcho::default()).expect("a port");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.send_to(b"hello", ("127.0.0.1", port.host().port().expect("UDP"))).expect("it is sent");
    reactor.turn(Some(Duration::ZERO)).expect("a turn, in which the port is registered");
    reactor.turn(Some(PATIENCE)).expect("a turn");
    let mut buffer = [0; 10];
    let length = client.recv(&mut buffer).expect("an answer");
    assert_eq!(&buffer[..length], b"hello");
}
