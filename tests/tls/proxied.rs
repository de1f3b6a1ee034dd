//! TLS behind a proxy: the header comes in clear, then the handshake.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use live::Live;
use twisty::prelude::*;
use twisty::protocol::Policies;

use crate::certificates::{Authority, Directory};
use crate::peer::Settings;

/// Says who is there, and whether it was told so in private.
#[protocol(line)]
#[derive(Default)]
struct Guest;

#[protocol]
impl Guest {
    #[on(line)]
    fn answer(&mut self, cx: &Context<Self>) -> String {
        format!("{} at {}, {}", cx.peer(), cx.host(), if cx.tls().is_some() { "private" } else { "in clear" })
    }
}

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n";
const SAYS: &str = "tcp:192.0.2.1:4711 at tcp:192.0.2.2:443, private";

/// The client's hello comes right behind the header, perhaps in the same segment: what was read too far is not lost.
fn says_who_is_there(server: &Live, authority: &Authority) {
    let mut socket = TcpStream::connect(server.address()).expect("a connection");
    socket.write_all(HEADER).expect("room");
    let mut peer = Settings::trusting(authority).upgrade(socket, "localhost");
    peer.send("who?\r\n");
    assert_eq!(peer.line(), SAYS);
}

#[test]
fn the_header_comes_before_the_handshake() {
    let (authority, directory) = (Authority::new(), Directory::new());
    let signed = authority.sign(&["localhost"]);
    let certificate = directory.write("server.pem", &signed.certificate);
    let key = directory.write("server.key", &signed.key);
    let options = format!("interface=127.0.0.1:certificate={certificate}:private_key={key}");
    let endpoint = format!("haproxy:tls:0:{options}");
    let server = Live::start(move |reactor| reactor.listen(endpoint, Guest::factory()));
    says_who_is_there(&server, &authority);
}

#[test]
fn the_header_comes_before_a_handshake_of_the_programs_own() {
    let authority = Authority::new();
    let tls = authority.server("localhost");
    let server =
        Live::start(move |reactor| reactor.listen_tls("haproxy:tcp:0:interface=127.0.0.1", &tls, Guest::factory()));
    says_who_is_there(&server, &authority);
}

#[test]
fn nobody_gets_to_the_handshake_without_a_header() {
    let authority = Authority::new();
    let tls = authority.server("localhost");
    let server =
        Live::start(move |reactor| reactor.listen_tls("haproxy:tcp:0:interface=127.0.0.1", &tls, Guest::factory()));
    let mut peer = Settings::trusting(&authority).connect(server.address(), "localhost");
    assert!(peer.try_send("who?\r\n").and_then(|()| peer.try_line()).is_err());
    says_who_is_there(&server, &authority);
}

#[test]
fn a_handshake_behind_a_header_may_take_forever() {
    let authority = Authority::new();
    let tls = authority.server("localhost").handshake_timeout(Duration::MAX);
    let server =
        Live::start(move |reactor| reactor.listen_tls("haproxy:tcp:0:interface=127.0.0.1", &tls, Guest::factory()));
    says_who_is_there(&server, &authority);
}

/// All come from the proxy's address. Who has not said yet where it came from is in nobody's way, and who has counts as
/// the one that it said.
#[test]
fn a_peer_is_who_is_behind_the_proxy() {
    let authority = Authority::new();
    let tls = authority.server("localhost");
    let server = Live::start(move |reactor| {
        let policies = Policies::new().max_connections_per_peer(2).overflow("busy\r\n");
        let guests = Guest::factory().with_policies(policies);
        reactor.listen_tls("haproxy:tcp:0:interface=127.0.0.1", &tls, guests)
    });
    let begin = |bytes: &[u8]| {
        let mut socket = TcpStream::connect(server.address()).expect("a connection");
        socket.write_all(bytes).expect("room");
        socket
    };
    let in_the_header = [begin(b"PROXY "), begin(b"")];
    let in_the_handshake =
        [7, 8].map(|host| begin(format!("PROXY TCP4 192.0.2.{host} 192.0.2.2 1 443\r\n").as_bytes()));
    server.wait_for_connections(4);
    let join = || Settings::trusting(&authority).upgrade(begin(HEADER), "localhost");
    let mut inside = [join(), join()];
    for peer in &mut inside {
        assert_eq!(peer.send("who?\r\n").line(), SAYS);
    }
    assert_eq!(join().line(), "busy", "its third, which it is told in private");
    drop((in_the_header, in_the_handshake));
}
