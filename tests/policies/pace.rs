//! Frames that begin and do not end.

use super::*;

#[test]
fn single_bytes_however_steady_do_not_hold_a_connection_open() {
    // By default, without any policy.
    let server = Server::new(Counter::factory());
    let client = server.connect();
    while client.is_connected() {
        assert!(server.now() < seconds(70.0), "it holds");
        client.receive("x");
        server.advance(SECOND);
    }
    let reason = client.reason().expect("it ended");
    assert_eq!(server.now(), seconds(61.0));
    assert!(reason.starts_with("the peer sent 61 bytes of a frame, and not the rest of it in time"), "{reason}");
}

#[test]
fn a_frame_that_stops_in_the_middle_ends_the_connection_at_its_time() {
    let policies = Policies::new().frame_timeout(5 * SECOND).min_progress(100);
    let server = counter_under(policies);
    let client = server.connect();
    client.receive("whole\r\n");
    server.advance(100 * SECOND);
    assert!(client.is_connected(), "nobody waits for a frame that has not begun");
    client.receive(vec![b'x'; 50]);
    let ended = advance_until(&server, || !client.is_connected());
    assert_eq!(ended, seconds(105.5));
}

#[test]
fn a_large_frame_that_comes_slowly_but_steadily_is_whole_in_the_end() {
    let server = Server::new(Counter::factory());
    let client = server.connect();
    // 600 bytes a second for five minutes.
    for _ in 0..300 {
        client.receive(vec![b'x'; 600]);
        server.advance(SECOND);
    }
    assert_eq!(client.receive("\r\n").sent(), "180000\r\n");
}

#[test]
fn each_frame_has_its_own_time() {
    let server = counter_under(Policies::new().frame_timeout(5 * SECOND).min_progress(1_000_000));
    let client = server.connect();
    client.receive("fir");
    for _ in 0..10 {
        server.advance(4 * SECOND);
        client.receive("st\r\nfir");
    }
    assert!(client.is_connected());
    assert_eq!(advance_until(&server, || !client.is_connected()).to_string(), "45.001s");
}

#[test]
fn nobody_is_too_slow_while_nothing_is_read() {
    let server = counter_under(Policies::new().frame_timeout(5 * SECOND));
    let client = server.connect();
    client.receive("pause\r\nhalf a li");
    server.advance(100 * SECOND);
    assert!(client.is_connected());
}

#[test]
fn nor_where_frames_have_no_end_or_nothing_is_demanded() {
    let raw = echo_under(Policies::new().frame_timeout(SECOND));
    let lines = counter_under(Policies::new().frame_timeout(SECOND).min_progress(0));
    let clients = (raw.connect(), lines.connect());
    clients.0.receive("x");
    clients.1.receive("x");
    raw.advance(100 * SECOND);
    lines.advance(100 * SECOND);
    assert!(clients.0.is_connected() && clients.1.is_connected());
}

#[test]
fn a_throttle_of_ours_is_not_the_peers_slowness() {
    let policies = Policies::new().read_rate(100).frame_timeout(5 * SECOND).idle_timeout(5 * SECOND);
    let server = counter_under(policies);
    let client = server.connect();
    client.receive([&vec![b'x'; 10_000][..], b"\r\n"].concat());
    server.advance(99 * SECOND);
    assert_eq!(client.sent(), "");
    server.advance(SECOND);
    assert_eq!(client.sent(), "10000\r\n");
}
