//! What the pipes between a program and its peers hold, and when they are full.

use std::cell::RefCell;
use std::rc::Rc;

use twisty::Transport;
use twisty::prelude::*;
use twisty::testing::Network;

use super::{Obedient, SECOND};

/// Keeps the transports of its connections for the test.
#[factory(protocol = Open)]
#[derive(Default)]
struct Desk {
    open: Vec<Transport<Raw>>,
    received: Rc<RefCell<Vec<u8>>>,
}

#[protocol(raw, factory = Desk)]
#[derive(Default)]
struct Open;

#[protocol]
impl Open {
    #[on(connect)]
    fn keep(&mut self, cx: &Context<Self>) {
        cx.factory_mut().open.push(cx.transport());
    }

    #[on(data)]
    fn receive(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.factory().received.borrow_mut().extend(data);
    }
}

#[test]
fn what_a_peer_does_not_take_stays_with_the_program() {
    let network = Network::new();
    network.set_buffer(1000);
    let desk = Shared::from(Desk::default());
    network.reactor().listen("tcp:8007", desk.clone()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    let transport = desk.borrow().open[0].clone();

    transport.write("before ");
    network.advance(SECOND);
    peer.stop_reading();
    transport.write(vec![b'x'; 10_000]);
    network.advance(SECOND);
    assert_eq!((transport.queued(), peer.sent().as_str()), (9_000, "before "));

    assert_eq!(peer.take_sent(), b"before ");
    network.advance(SECOND);
    assert_eq!(transport.queued(), 9_000, "what is on its way was not taken");

    peer.start_reading();
    assert_eq!((transport.queued(), peer.take_sent().len()), (0, 10_000));
}

#[test]
fn a_program_that_pauses_reads_on_where_it_stopped() {
    let network = Network::new();
    let desk = Shared::from(Desk::default());
    network.reactor().listen("tcp:8007", desk.clone()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    let transport = desk.borrow().open[0].clone();
    let received = || desk.borrow().received.take().len();

    transport.pause_reading();
    network.advance(SECOND);
    peer.receive(vec![b'x'; 200_000]).disconnect();
    assert_eq!((received(), peer.is_connected()), (0, true));
    transport.resume_reading();
    network.advance(SECOND);
    assert_eq!((received(), peer.is_connected()), (200_000, false));
}

#[test]
fn a_paused_program_learns_of_a_reset() {
    let network = Network::new();
    let desk = Shared::from(Desk::default());
    network.reactor().listen("tcp:8007", desk.clone()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    desk.borrow().open[0].pause_reading();
    network.advance(SECOND);
    peer.reset();
    assert_eq!(network.reactor().connections(), 0);
}

/// As over a socket: the last words arrive though the peer was still sending, and it is not cut off meanwhile.
#[test]
fn last_words_arrive_at_a_peer_that_still_sends() {
    let network = Network::new();
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    peer.receive("goodbye\r\nquit\r\n".to_owned() + &"not read\r\n".repeat(10_000));
    assert_eq!((peer.sent().as_str(), peer.is_connected(), peer.is_aborted()), ("goodbye\r\n", false, false));
    network.advance(10 * SECOND);
    assert_eq!((peer.sent().as_str(), network.reactor().connections()), ("goodbye\r\n", 0));
}

#[test]
fn a_megabyte_goes_through_a_small_pipe_in_order() {
    const SIZE: usize = 1 << 20;
    let network = Network::new();
    network.set_buffer(7);
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    let line: String = (0..SIZE).map(|at| char::from(b'a' + u8::try_from(at % 23).expect("a letter"))).collect();
    peer.receive(line.clone() + "\r\n");
    assert!(peer.sent() == line + "\r\n");
}
