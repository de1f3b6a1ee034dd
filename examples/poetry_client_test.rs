//! The client of `poetry_client.rs` over real sockets: good servers, and each kind of bad one.
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use live::output_of_example;

use super::*;

const POEM: &str = "Our eye-beams twisted—and did thread\n";

/// A server for one client.
fn serve(serve: impl FnOnce(TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    thread::spawn(move || serve(listener.accept()?.0));
    format!("tcp:{address}")
}

fn recite(mut client: TcpStream) -> std::io::Result<()> {
    POEM.as_bytes().chunks(7).try_for_each(|piece| {
        thread::sleep(Duration::from_millis(1));
        client.write_all(piece)
    })
}

fn vanish(mut client: TcpStream) -> std::io::Result<()> {
    client.write_all(b"Our eye")?;
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))
}

fn never_end(mut client: TcpStream) -> std::io::Result<()> {
    loop {
        client.write_all(b"and ")?;
        thread::sleep(Duration::from_millis(50));
    }
}

fn refuse() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("tcp:{}", listener.local_addr().expect("an address"))
}

fn poem_of(endpoint: &str) -> twisty::Result<String> {
    let reactor = Reactor::new()?;
    poem_by(&reactor, get_poem(&reactor, endpoint))
}

fn poem_by(reactor: &Reactor, mut poem: Deferred<String>) -> twisty::Result<String> {
    loop {
        match poem.into_result() {
            Ok(result) => return result,
            Err(pending) => poem = pending,
        }
        reactor.turn(None)?;
    }
}

#[test]
fn a_poem_in_pieces() -> twisty::Result<()> {
    assert_eq!(poem_of(&serve(recite))?, POEM);
    Ok(())
}

#[test]
fn a_server_that_vanishes_has_no_poem() -> twisty::Result<()> {
    let (tell, told) = std::sync::mpsc::channel();
    let endpoint = serve(move |client| {
        told.recv().expect("the test goes on");
        vanish(client)
    });
    let reactor = Reactor::new()?;
    let poem = get_poem(&reactor, &endpoint);
    while reactor.connections() == 0 {
        reactor.turn(None)?;
    }
    tell.send(()).expect("the server waits");
    let failure = poem_by(&reactor, poem).expect_err("it is not whole");
    assert!(failure.check::<ConnectionLost>().is_some(), "{failure}");
    Ok(())
}

#[test]
fn nobody_has_a_poem() {
    let failure = poem_of(&refuse()).expect_err("nobody is there");
    assert!(failure.check::<twisty::ConnectError>().is_some(), "{failure}");
    assert!(poem_of("tcp:poems").is_err());
}

#[test]
fn each_server_is_reported() {
    let (good, better) = (serve(recite), serve(recite));
    let (refused, slow, vanished) = (refuse(), serve(never_end), serve(vanish));
    let output = output_of_example("poetry_client", &[&good, &refused, &slow, &vanished, &better]);
    let (poems, problems) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{problems}");
    assert_eq!(poems.matches(POEM).count(), 2, "{poems}");
    for expected in [
        format!("no poem from {refused}: cannot connect to "),
        format!("{slow} is too slow: "),
        format!("no poem from {vanished}: "),
    ] {
        assert!(problems.contains(&expected), "{expected} is not in\n{problems}");
    }
}

#[test]
fn poems_come_by_the_server_that_answers_on_a_network_in_memory() {
    let network = twisty::testing::Network::new();
    network.resolve("poems.example", ["10.0.0.8", "10.0.0.9"]);
    network.black_hole("tcp:10.0.0.8:10001");
    let server = network.listen("tcp:10.0.0.9:10001");
    let poem = get_poem(network.reactor(), "tcp:poems.example:10001");
    network.advance(Duration::from_millis(250));
    let peer = server.accept().expect("it has tried the other address");
    for piece in POEM.as_bytes().chunks(7) {
        peer.receive(piece);
        network.advance(Duration::from_secs(1));
    }
    assert!(!poem.has_result());
    peer.disconnect();
    assert_eq!(poem.into_result().expect("it is complete").ok().as_deref(), Some(POEM));
}
