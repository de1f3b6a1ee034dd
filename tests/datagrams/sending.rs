//! What can be sent, to whom, and what becomes of what the system does not take.

use std::net::{Ipv4Addr, Ipv6Addr};

use tracing::Level;
use twisty::DatagramError;
use twisty::datagram::Interface;
use twisty::prelude::*;
use twisty::protocol::UnixAddress;
use twisty::testing::DatagramServer;

use super::{Log, Talker};

const ANN: &str = "10.0.0.2:5000";

fn server() -> DatagramServer {
    DatagramServer::new(Talker::new(&Log::default()))
}

fn refusal(sent: Result<(), DatagramError>) -> String {
    sent.expect_err("it is refused").to_string()
}

#[test]
fn what_is_too_long_is_told_with_both_sizes() {
    let server = server();
    let error = server.transport().send_to(vec![0; 65_508], ANN).unwrap_err();
    let DatagramError::TooLong(error) = error else { panic!("{error}") };
    assert_eq!((error.length, error.longest), (65_508, 65_507));
    server.transport().send_to(vec![0; 65_507], ANN).expect("the longest one");
}

#[test]
fn other_families_and_names_are_no_addresses() {
    let server = server();
    let transport = server.transport();
    let v6 = refusal(transport.send_to("x", "[::1]:9"));
    assert!(v6.contains("`udp:[::1]:9`") && v6.contains("another family than the port udp:10.0.0.1:12345"), "{v6}");
    let unix = refusal(transport.send_to("x", UnixAddress::from_path("/run/log")));
    assert!(unix.contains("another family"), "{unix}");
    assert!(refusal(transport.send_to("x", "localhost:9")).contains("resolve the name first"));
    assert!(refusal(transport.send_to("x", Address::Stdio)).contains("another family"));
    let tcp = Address::from(std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
    transport.send_to("x", tcp).expect("an IP address and a port");
    assert_eq!(server.sent_to("127.0.0.1:9"), ["x"]);
}

#[test]
fn a_connected_port_sends_to_its_peer_only() {
    let server = server();
    let transport = server.transport();
    assert!(matches!(transport.send("x"), Err(DatagramError::NotConnected)));
    transport.connect(ANN).expect("it is there");
    transport.send("to you").expect("it is connected");
    transport.send_to("to you too", ANN).expect("the same");
    assert!(refusal(transport.send_to("x", "10.0.0.3:5000")).contains("connected to udp:10.0.0.2:5000"));
    assert!(refusal(transport.connect("10.0.0.3:5000")).contains("connected to udp:10.0.0.2:5000 already"));
    assert_eq!(server.sent_to(ANN), ["to you", "to you too"]);
}

#[test]
fn what_would_block_waits_and_goes_out_in_order() {
    let server = server();
    server.block().receive(ANN, "one").receive(ANN, "two").receive(ANN, "");
    assert_eq!((server.sent().len(), server.transport().queued()), (0, 6));
    server.unblock().receive(ANN, "three");
    assert_eq!(server.sent_to(ANN), ["ONE", "TWO", "", "THREE"]);
    assert_eq!((server.transport().queued(), server.transport().dropped()), (0, 0));
}

#[test]
fn the_queue_has_an_end_and_that_is_said_once() {
    let reported = live::reported(Level::WARN, || {
        let server = server();
        server.block();
        for _ in 0..100 {
            server.receive(ANN, "x".repeat(10_000));
        }
        let transport = server.transport();
        assert_eq!(transport.queued(), 260_000);
        assert_eq!(transport.dropped(), 74);
        server.unblock();
        assert_eq!(server.sent().len(), 26);
        server.receive(ANN, "again");
        assert_eq!(server.sent().len(), 27);
    });
    let [dropped] = &*reported else { panic!("{reported:#?}") };
    assert!(dropped.contains("max_queue"), "{dropped}");
}

#[test]
fn empty_datagrams_fill_the_queue_too() {
    let server = server();
    server.block();
    (0..100_000).for_each(|_| server.transport().send_to("", ANN).expect("it is queued or dropped"));
    assert!(server.transport().dropped() > 90_000, "{} were dropped", server.transport().dropped());
}

#[test]
fn what_waits_is_tried_once_more_at_the_end() {
    let server = server();
    server.block().receive(ANN, "one").stop_listening();
    assert!(server.sent().is_empty());
    assert!(!server.transport().is_listening());
    assert_eq!(server.transport().queued(), 0);
}

#[test]
fn broadcasts_must_be_allowed() {
    let server = server();
    let transport = server.transport();
    assert!(refusal(transport.send_to("x", "255.255.255.255:9")).contains("255.255.255.255:9"));
    transport.set_broadcast(true).expect("it is open");
    transport.send_to("x", "255.255.255.255:9").expect("it is allowed");
}

#[test]
fn groups_are_joined_and_left() {
    let server = server();
    let (transport, group) = (server.transport(), Ipv4Addr::new(228, 0, 0, 5));
    transport.join_group(group, Interface::Any).expect("a group");
    assert_eq!(server.groups(), [group]);
    assert!(refusal(transport.join_group(group, Interface::Any)).contains("228.0.0.5"));
    transport.leave_group(group, Interface::Any).expect("it was joined");
    assert!(server.groups().is_empty());
    assert!(refusal(transport.join_group(Ipv4Addr::LOCALHOST, Interface::Any)).contains("127.0.0.1"));
    assert!(refusal(transport.join_group(Ipv6Addr::LOCALHOST, Interface::Any)).contains("::1"));
}

#[test]
fn a_closed_port_does_nothing_more() {
    let server = server();
    let transport = server.stop_listening().transport();
    let refused = [
        transport.send_to("x", ANN),
        transport.connect(ANN),
        transport.set_broadcast(true),
        transport.join_group([228, 0, 0, 5], Interface::Any),
    ];
    assert!(refused.into_iter().all(|asked| matches!(asked, Err(DatagramError::Closed))));
}
