//! The neighbours of `multicast.rs`: in memory, and over real sockets.
use std::time::{Duration, Instant};

use live::PATIENCE;
use twisty::testing::DatagramServer;

use super::*;

fn neighbour(name: &str, interface: Interface) -> Neighbour {
    Neighbour { name: name.into(), interface, ..Neighbour::default() }
}

#[test]
fn who_says_hello_is_welcomed_and_who_welcomes_is_not() {
    let ann = DatagramServer::new(neighbour("Ann", Interface::Any));
    assert_eq!(ann.groups(), [GROUP]);
    ann.receive("10.0.0.2:12345", "hello Bob").receive("10.0.0.3:12345", "welcome Cid");
    ann.receive("10.0.0.1:12345", "hello Ann").receive("10.0.0.4:12345", "nonsense");
    assert_eq!(ann.sent_to("228.0.0.5:12345"), ["hello Ann", "welcome Ann"]);
}

/// Writes down what is said to the group.
#[protocol(datagram)]
struct Listener(std::rc::Rc<std::cell::RefCell<BTreeSet<String>>>);

#[protocol]
impl Listener {
    #[on(datagram)]
    fn hear(&mut self, said: String) {
        self.0.borrow_mut().insert(said);
    }
}

#[test]
fn two_neighbours_find_each_other_over_sockets() {
    let (reactor, heard) = (Reactor::new().expect("a poll"), std::rc::Rc::default());
    let loopback = Interface::Ip(Ipv4Addr::LOCALHOST);
    let everywhere = "udp:0:reuse_port=yes";
    let listener = reactor.listen_datagrams(everywhere, Listener(std::rc::Rc::clone(&heard))).expect("a port");
    if let Err(error) = listener.transport().join_group(GROUP, loopback) {
        return eprintln!("skipped: no multicast here: {error}");
    }
    let endpoint = format!("udp:{}:reuse_port=yes", listener.host().port().expect("UDP"));
    reactor.listen_datagrams(&endpoint, neighbour("Ann", loopback)).expect("the port is shared");
    reactor.turn(Some(Duration::ZERO)).expect("a turn");
    reactor.listen_datagrams(&endpoint, neighbour("Bob", loopback)).expect("the port is shared");
    let (started, expected) = (Instant::now(), ["hello Ann", "hello Bob", "welcome Ann"]);
    while *heard.borrow() != expected.map(str::to_owned).into() {
        assert!(started.elapsed() < PATIENCE, "only {:?} was said", heard.borrow());
        reactor.turn(Some(Duration::from_millis(1))).expect("a turn");
    }
}
