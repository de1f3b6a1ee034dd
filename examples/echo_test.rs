//! The echo server of `echo.rs`: in memory, and over real sockets.
use live::{LOOPBACK, Live};

use super::*;

#[test]
fn counts_who_is_there() {
    let server = twisty::testing::Server::new(Echo::factory());
    let first = server.connect();
    let second = server.connect();
    first.disconnect();
    let third = server.connect();
    for (client, count) in [(&first, 1), (&second, 2), (&third, 2)] {
        assert_eq!(client.sent(), format!("Welcome! There are currently {count} open connections.\n"));
    }
}

#[test]
fn chunking_never_matters() {
    twisty::testing::verify_chunking(Echo::factory, b"any\x00thing\xff\r\n");
}

#[test]
fn echoes_over_a_socket() {
    let server = Live::start(|reactor| reactor.listen(LOOPBACK, Echo::factory()));
    let mut client = server.connect();
    assert_eq!(client.line(), "Welcome! There are currently 1 open connections.");
    client.send([0, 255, 10, 13]);
    assert_eq!(client.bytes(4), [0, 255, 10, 13]);
}
