//! How many connections there may be, for how long.

use std::net::SocketAddr;

use super::*;
use twisty::Address;

fn of(address: &str) -> Address {
    address.parse::<SocketAddr>().expect("an address").into()
}

#[test]
fn a_policy_lowers_the_number_of_connections_and_never_raises_it() {
    #[factory(protocol = Guest, max_connections = 2)]
    #[derive(Default)]
    struct Room;

    #[protocol(raw, factory = Room)]
    #[derive(Default)]
    struct Guest;

    #[protocol]
    impl Guest {
        #[on(data)]
        fn hear(&mut self) {}
    }

    for (policy, allowed) in [(1, 1), (9, 2), (0, 0)] {
        let server = Server::new(Room.with_policies(Policies::new().max_connections(policy)));
        let guests: Vec<_> = (0..4).map(|_| server.connect()).collect();
        assert_eq!(guests.iter().filter(|guest| guest.is_connected()).count(), allowed, "{policy}");
        guests.iter().take(allowed).for_each(twisty::testing::Client::disconnect);
        assert_eq!(server.connect().is_connected(), allowed > 0);
    }
}

#[test]
fn each_peer_has_its_own_limit() {
    let server = echo_under(Policies::new().max_connections_per_peer(2).overflow("busy"));
    let first: Vec<_> = (1..=3).map(|port| server.connect_from(of(&format!("10.0.0.1:{port}")))).collect();
    let other = server.connect_from(of("10.0.0.2:1"));
    let open = |clients: &[twisty::testing::Client<_>]| -> Vec<bool> {
        clients.iter().map(twisty::testing::Client::is_connected).collect()
    };
    assert_eq!((open(&first), other.is_connected()), (vec![true, true, false], true));
    assert_eq!((first[2].sent(), first[0].sent()), ("busy".into(), String::new()));
    first[0].disconnect();
    assert!(server.connect_from(of("10.0.0.1:4")).is_connected());
    assert!(!server.connect_from(of("10.0.0.1:5")).is_connected());
    assert_eq!(server.connections(), 3);
}

#[test]
fn a_network_of_64_bits_and_this_machine_are_one_peer_each() {
    let server = echo_under(Policies::new().max_connections_per_peer(1));
    let _first = server.connect_from(of("[2001:db8::1]:1"));
    assert!(!server.connect_from(of("[2001:db8::ffff:2]:1")).is_connected());
    assert!(server.connect_from(of("[2001:db8:0:1::1]:1")).is_connected());
    let _local = server.connect_from(Address::Stdio);
    assert!(!server.connect_from(Address::Stdio).is_connected());
}

#[test]
fn a_crowd_of_one_peer_is_one_line_in_the_log() {
    let lines = live::reported(tracing::Level::WARN, || {
        let server = echo_under(Policies::new().max_connections_per_peer(1));
        let inside = server.connect_from(of("10.0.0.1:1"));
        for port in 2..100 {
            let _refused = server.connect_from(of(&format!("10.0.0.1:{port}")));
            server.connect_from(of("10.0.0.2:1")).disconnect();
        }
        inside.disconnect();
        let _inside = server.connect_from(of("10.0.0.1:1"));
        let _refused = server.connect_from(of("10.0.0.1:2"));
    });
    assert_eq!(lines.len(), 2, "one a spell: {lines:?}");
    assert!(lines[0].contains("see `max_connections_per_peer`"), "{lines:?}");
    assert!(lines[0].contains("tcp:10.0.0.1:2"), "{lines:?}");
}

#[test]
fn an_idle_connection_ends_and_a_busy_one_does_not() {
    let server = echo_under(Policies::new().idle_timeout(10 * SECOND));
    let (idle, busy) = (server.connect(), server.connect());
    for _ in 0..3 {
        server.advance(6 * SECOND);
        busy.receive("x");
    }
    assert!(busy.is_connected());
    assert!(idle.reason().is_some_and(|reason| reason.contains("10s")), "{idle:?}");
    assert_eq!(advance_until(&server, || !busy.is_connected()), seconds(28.0));
}

/// However much is queued for it.
#[test]
fn who_does_not_take_what_it_asked_for_is_idle() {
    #[protocol(raw, idle_timeout = 10s, high_water = 1000, low_water = 400)]
    #[derive(Default)]
    struct Much;

    #[protocol]
    impl Much {
        #[on(data)]
        fn send(&mut self) -> Vec<u8> {
            vec![b'x'; 5000]
        }
    }

    let server = Server::new(Much::factory());
    let client = server.connect();
    client.stop_reading();
    client.receive("x");
    server.advance(9 * SECOND);
    assert!(client.is_connected());
    server.advance(SECOND + Much::limits().close_timeout);
    assert!(client.reason().is_some_and(|reason| reason.contains("nothing moved")), "{client:?}");
}

#[test]
fn a_policy_replaces_the_idle_time_that_is_declared() {
    #[protocol(raw, idle_timeout = 2s)]
    #[derive(Default)]
    struct Hasty;

    #[protocol]
    impl Hasty {
        #[on(data)]
        fn hear(&mut self) {}
    }

    for (policies, ends) in [(Policies::new(), 2.0), (Policies::new().idle_timeout(5 * SECOND), 5.0)] {
        let server = Server::new(Hasty::factory().with_policies(policies));
        let client = server.connect();
        assert_eq!(advance_until(&server, || !client.is_connected()), seconds(ends));
    }
}

#[test]
fn age_ends_the_busiest_connection() {
    let server = echo_under(Policies::new().max_age(3 * SECOND));
    server.advance(SECOND);
    let client = server.connect();
    let ended = advance_until(&server, || {
        client.receive("x");
        !client.is_connected()
    });
    assert_eq!(ended, seconds(4.0));
    assert_eq!(
        client.reason().as_deref(),
        Some("the connection was open for 3s, as long as one may be (see `max_age`)")
    );
}
