//! The same over real sockets.

use std::io::{Read, Write};
use std::time::Instant;

use live::{LOOPBACK, Live, PATIENCE};

use super::*;

fn start(policies: Policies) -> Live {
    Live::start(|reactor| reactor.listen(LOOPBACK, Echo::factory().with_policies(policies)))
}

#[test]
fn those_beyond_the_limit_of_a_peer_are_told_so_and_closed() {
    let server = start(Policies::new().max_connections_per_peer(2).overflow("busy\r\n"));
    let mut first = server.connect();
    let mut second = server.connect();
    first.try_echo("one").expect("an echo");
    second.try_echo("two").expect("an echo");
    assert_eq!(server.connect().rest().expect("an orderly end"), b"busy\r\n");
    drop(first);
    server.wait_for_connections(1);
    server.connect().try_echo("three").expect("an echo");
}

#[test]
fn idle_and_old_connections_are_closed() {
    for policies in
        [Policies::new().idle_timeout(Duration::from_millis(50)), Policies::new().max_age(Duration::from_millis(50))]
    {
        let server = start(policies);
        assert_eq!(server.connect().rest().expect("an orderly end"), b"");
    }
}

#[test]
fn a_client_that_drips_is_closed() {
    let policies = Policies::new().frame_timeout(Duration::from_millis(100)).min_progress(100_000);
    let server = Live::start(|reactor| reactor.listen(LOOPBACK, Counter::factory().with_policies(policies)));
    let mut client = server.connect();
    client.try_echo("").expect("nothing");
    let started = Instant::now();
    while server.ask(Reactor::connections) > 0 || started.elapsed() < Duration::from_millis(20) {
        assert!(started.elapsed() < PATIENCE, "it holds the connection open");
        let _closed_already = client.socket().write(b"x");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Twice 200 kB through rates of a megabyte a second: nothing is lost, whoever is throttled.
#[test]
fn throttled_connections_lose_nothing() {
    const SIZE: usize = 200_000;
    let rate = 1_000_000;
    let burst = Duration::from_millis(10);
    for policies in [
        Policies::new().read_rate(rate).burst(burst),
        Policies::new().write_rate(rate).burst(burst),
        Policies::new().total_read_rate(rate).total_write_rate(rate).burst(burst),
    ] {
        let server = start(policies);
        let clients: Vec<_> = (0..2).map(|seed| (server.connect(), vec![seed; SIZE])).collect();
        let echoes: Vec<_> = clients
            .into_iter()
            .map(|(mut client, sent)| {
                std::thread::spawn(move || {
                    let mut writer = client.socket().try_clone().expect("a clone");
                    let text = sent.clone();
                    let writing = std::thread::spawn(move || writer.write_all(&text));
                    let got = client.bytes(SIZE);
                    writing.join().expect("no panic").expect("it is taken");
                    assert!(got == sent, "something else came back");
                })
            })
            .collect();
        echoes.into_iter().for_each(|echo| echo.join().expect("the same came back"));
    }
}

/// At a byte a second the rest would take minutes.
#[test]
fn what_is_beyond_the_burst_waits() {
    let slow = Policies::new().burst(100 * SECOND);
    for policies in [slow.clone().read_rate(1), slow.clone().write_rate(1), slow.total_read_rate(1)] {
        let server = start(policies);
        let mut client = server.connect();
        client.send([b'x'; 500]);
        client.bytes(100);
        server.ask(|_| ());
        client.socket().set_nonblocking(true).expect("a socket");
        let more = client.socket().read(&mut [0; 500]).unwrap_or(0);
        assert!(more < 400, "{more} bytes at once");
    }
}
