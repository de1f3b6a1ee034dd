//! The client of `echo_client.rs`: it says hello, and comes back.
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use live::Client;
use twisty::protocol::Backoff;
use twisty::testing::Server;

use super::*;

#[test]
fn it_says_hello() {
    let server = Server::new(EchoClient::factory());
    let peer = server.connect();
    assert_eq!(peer.sent(), "Hello, server, I am the client!\r\n");
    assert!(peer.receive("Hello, server, I am the client!\r\n").is_connected());
}

#[test]
#[expect(clippy::approx_constant, reason = "it is what the example says")]
fn its_delays_are_those_that_it_declares() {
    let declared = Backoff::new().factor(2.718).jitter(0.12);
    assert_eq!(EchoClientFactory.reconnect(), Some(declared));
}

/// Accepts one client, and hears its first line.
fn hello_at(server: &TcpListener) -> std::io::Result<Client> {
    let mut client = Client::of(server.accept()?.0);
    assert_eq!(client.line(), "Hello, server, I am the client!");
    Ok(client)
}

#[test]
fn it_comes_back_to_a_server_that_was_killed() -> twisty::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let address: SocketAddr = server.local_addr()?;
    let (tell, told) = std::sync::mpsc::channel();
    let client = std::thread::spawn(move || {
        let reactor = Reactor::new()?;
        reactor.connect(format!("tcp:{address}"), EchoClientFactory)?;
        tell.send(reactor.handle()).expect("the test waits");
        reactor.run()
    });
    drop((hello_at(&server)?, server));
    let server = TcpListener::bind(address)?;
    let _still_there = hello_at(&server)?;
    told.recv().expect("it runs").call_from_thread(|reactor| reactor.stop().expect("it runs"))?;
    client.join().expect("no panic")
}

#[test]
fn it_comes_back_when_it_says_on_a_network_in_memory() -> twisty::Result<()> {
    let network = twisty::testing::Network::new();
    network.reactor().connect("tcp:10.0.0.9:8007", EchoClientFactory)?;
    network.advance(Duration::from_millis(1));
    let server = network.listen("tcp:10.0.0.9:8007");
    assert!(server.accept().is_none(), "it was refused, and waits");

    // A second and what chance adds to it; the deviation of that is an eighth of a second.
    network.advance(Duration::from_secs(2));
    let peer = server.accept().expect("it is back");
    assert_eq!(peer.sent(), "Hello, server, I am the client!\r\n");
    peer.reset();
    network.advance(Duration::from_secs(10));
    assert!(server.accept().is_some_and(|peer| peer.is_connected()));
    Ok(())
}
