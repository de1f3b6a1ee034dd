//! The quote server of `qotd.rs`: in memory, and over real sockets.
use live::{LOOPBACK, Live};

use super::*;

fn factory() -> QotdFactory {
    QotdFactory { quote: "Less is more".into() }
}

#[test]
fn says_its_quote_and_hangs_up() {
    let server = twisty::testing::Server::new(factory());
    let client = server.connect();
    assert_eq!(client.sent(), "Less is more\r\n");
    assert!(!client.is_connected());
    assert_eq!(server.connections(), 0);
}

#[test]
fn says_its_quote_over_a_socket() {
    let server = Live::start(|reactor| reactor.listen(LOOPBACK, factory()));
    assert_eq!(server.connect().rest().expect("an orderly end"), b"Less is more\r\n");
}

#[test]
fn says_its_quote_on_a_network_in_memory() {
    let network = twisty::testing::Network::new();
    network.reactor().listen("tcp:8007", factory()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    assert_eq!((peer.sent().as_str(), peer.is_connected(), peer.is_aborted()), ("Less is more\r\n", false, false));
}
