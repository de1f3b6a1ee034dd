//! The echo server of `by_hand.rs`: in memory, and over real sockets.
use live::{LOOPBACK, Live};

use super::*;

#[test]
fn echoes() {
    let server = twisty::testing::Server::new(Echo::factory());
    assert_eq!(server.connect().receive("a").receive("b\n").sent(), "ab\n");
}

#[test]
fn chunking_never_matters() {
    twisty::testing::verify_chunking(Echo::factory, b"any\x00thing\xff");
}

#[test]
fn echoes_over_a_socket() {
    let server = Live::start(|reactor| reactor.listen(LOOPBACK, Echo::factory()));
    let mut client = server.connect();
    assert_eq!(client.send("hello").bytes(5), b"hello");
}
