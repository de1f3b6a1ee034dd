//! The forwarder of `port_forward.rs` over real sockets, and as a program of its own.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use live::{Client, LOOPBACK, Live, PATIENCE, Program};

use super::*;

/// A forwarder to `listener`.
fn live(listener: &TcpListener) -> Live {
    let target = target(listener);
    Live::start(move |reactor| reactor.listen(LOOPBACK, forward(target)))
}

fn target(listener: &TcpListener) -> String {
    format!("tcp:{}", listener.local_addr().expect("an address"))
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// The other end of the next connection.
fn accept(listener: &TcpListener) -> TcpStream {
    let socket = listener.accept().expect("the forwarder connects").0;
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

#[test]
fn both_ways_are_forwarded_and_each_ends_by_itself() {
    let listener = listen();
    let live = live(&listener);
    let mut client = live.connect();
    client.send("question").socket().shutdown(Shutdown::Write).expect("it is open");
    let (mut server, mut heard) = (accept(&listener), String::new());
    server.read_to_string(&mut heard).expect("the end is passed on");
    server.write_all(b"answer").expect("this way is open");
    drop(server);
    assert_eq!((heard.as_str(), client.rest().expect("no reset")), ("question", b"answer".to_vec()));
    live.wait_for_connections(0);
}

#[test]
fn where_nobody_listens_the_client_is_sent_away() {
    let listener = listen();
    let live = live(&listener);
    drop(listener);
    assert_eq!(live.connect().rest().expect("no reset"), b"");
    live.wait_for_connections(0);
}

/// Sends so many bytes on a thread of its own.
fn send(mut client: Client, bytes: usize) -> JoinHandle<()> {
    const CHUNK: usize = 1 << 16;
    thread::spawn(move || {
        for _ in 0..bytes / CHUNK {
            client.send([b'x'; CHUNK]);
        }
    })
}

/// Has so many bytes forwarded to who takes one part in a hundred of the time to read; by how many KiB the forwarder grew.
fn grow(bytes: usize) -> u64 {
    let listener = listen();
    let program = Program::example_with("port_forward", &[LOOPBACK, &target(&listener)]);
    let client = program.connect();
    let mut server = accept(&listener);
    let (before, mut most) = (program.resident(), 0);
    let sender = send(client, bytes);
    let (mut buffer, mut total) = (vec![0; 1 << 20], 0);
    while total < bytes {
        let started = Instant::now();
        total += server.read(&mut buffer).expect("more comes");
        most = most.max(program.resident());
        thread::sleep((started.elapsed() * 99).min(Duration::from_millis(100)));
    }
    sender.join().expect("no panic");
    most.saturating_sub(before)
}

#[test]
fn a_slow_end_costs_no_memory() {
    let growth = grow(16 << 20);
    assert!(growth < 20 << 10, "{growth} KiB");
}

/// Minutes: `cargo test --release --example port_forward -- --ignored`.
#[test]
#[ignore = "it moves 1 GiB at a hundredth of the speed"]
fn a_gigabyte_to_a_slow_end_costs_no_memory() {
    let growth = grow(1 << 30);
    eprintln!("it grew by {growth} KiB");
    assert!(growth < 20 << 10, "{growth} KiB");
}
