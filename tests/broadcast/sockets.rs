//! Broadcasts over real sockets, to members that read and to one that does not.

use std::cell::RefCell;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use live::{LOOPBACK, PATIENCE};
use socket2::{Domain, Socket, Type};
use twisty::prelude::*;
use twisty::{Port, broadcast};

use crate::Room;

/// What waits for the slow member before it reads; and how many turns that may take, with this much said in each.
const WAITING: usize = 256 * 1024;
const TURNS: usize = 4000;
const LINES: usize = 20;

/// A reactor that this test turns by hand, and its clients.
struct Hall {
    reactor: Reactor,
    room: Shared<Room>,
    port: Port,
    clients: Vec<Client>,
}

struct Client {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Hall {
    fn new(clients: usize) -> Self {
        let (reactor, room) = (Reactor::new().expect("a poll"), Shared::from(Room::default()));
        let port = reactor.listen(LOOPBACK, room.clone()).expect("a port");
        let mut hall = Self { reactor, room, port, clients: Vec::new() };
        (0..clients).for_each(|_| hall.connect());
        hall
    }

    fn connect(&mut self) {
        let Address::Tcp(address) = self.port.host() else { panic!("no TCP address") };
        self.clients.push(Client::to(address));
        while self.room.borrow().members.len() < self.clients.len() {
            self.reactor.turn(Some(PATIENCE)).expect("a turn");
        }
    }

    fn turn(&self) {
        self.reactor.turn(Some(Duration::ZERO)).expect("a turn");
    }

    fn queued(&self, member: usize) -> usize {
        self.room.borrow().members[member].queued()
    }
}

impl Client {
    fn to(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        // So that somebody who does not read is soon one for whom something waits.
        socket.set_recv_buffer_size(16 * 1024).expect("a small buffer");
        socket.connect(&address.into()).expect("a connection");
        let socket = TcpStream::from(socket);
        socket.set_nonblocking(true).expect("it does not block");
        Self { socket, received: Vec::new() }
    }

    /// Reads what is there.
    fn read(&mut self) {
        let read = self.socket.read_to_end(&mut self.received);
        assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "the server has closed");
    }
}

#[test]
fn one_who_does_not_read_gets_all_and_holds_up_nobody() {
    let mut hall = Hall::new(3);
    let mut expected = String::new();
    for turn in 0.. {
        assert!(turn < TURNS, "the slow one takes all");
        for number in 0..LINES {
            let line = format!("{turn} {number} {}", "x".repeat(200));
            broadcast(&hall.room.borrow().members, &line);
            expected.push_str(&line);
            expected.push('\n');
        }
        hall.turn();
        hall.clients[1..].iter_mut().for_each(Client::read);
        if hall.queued(0) > WAITING {
            break;
        }
    }
    let all_heard = |clients: &[Client]| clients.iter().all(|client| client.received.len() >= expected.len());
    for _ in 0..TURNS {
        if all_heard(&hall.clients) {
            break;
        }
        hall.clients.iter_mut().for_each(Client::read);
        hall.reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
    }
    for (index, client) in hall.clients.iter().enumerate() {
        assert!(client.received == expected.as_bytes(), "member {index} got {} bytes", client.received.len());
    }
}

thread_local! {
    /// The members, for who has only the reactor's thread.
    static MEMBERS: RefCell<Vec<Transport<Line>>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn another_thread_can_have_it_made() {
    let mut hall = Hall::new(2);
    MEMBERS.set(hall.room.borrow().members.clone());
    let handle = hall.reactor.handle();
    let ask = move || handle.call_from_thread(|_| MEMBERS.with_borrow(|members| broadcast(members, "from afar")));
    thread::spawn(ask).join().expect("no panic").expect("the reactor is there");
    for client in &mut hall.clients {
        client.socket.set_nonblocking(false).expect("it blocks");
        client.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    }
    hall.reactor.turn(Some(PATIENCE)).expect("a turn");
    for client in &mut hall.clients {
        let mut line = [0; 10];
        client.socket.read_exact(&mut line).expect("a line");
        assert_eq!(&line, b"from afar\n");
    }
}
