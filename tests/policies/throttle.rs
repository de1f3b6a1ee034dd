//! Rates, in both directions, of one connection and of all.

use super::*;

/// How many bytes came back.
fn echoed(client: &twisty::testing::Client<ForProtocol<Echo>>) -> usize {
    client.sent_bytes().len()
}

#[test]
fn reading_goes_on_at_its_rate_after_a_burst() {
    let server = echo_under(Policies::new().read_rate(1000));
    let client = server.connect();
    client.receive(vec![b'x'; 5000]);
    assert_eq!(echoed(&client), 1000);
    for second in 1..=4 {
        server.advance(SECOND);
        assert_eq!(echoed(&client), 1000 + second * 1000);
    }
    server.advance(10 * SECOND);
    client.receive(vec![b'x'; 1500]);
    assert_eq!(echoed(&client), 6000, "one burst, however long it was quiet");
    assert!(client.is_connected());
}

#[test]
fn nothing_waits_longer_than_it_must() {
    let server = echo_under(Policies::new().read_rate(1000).burst(Duration::from_millis(100)));
    let client = server.connect();
    client.receive(vec![b'x'; 130]);
    assert_eq!(echoed(&client), 100);
    assert_eq!(advance_until(&server, || echoed(&client) == 130), seconds(0.04));
}

#[test]
fn writing_goes_on_at_its_rate_and_closing_waits_for_it() {
    #[protocol(line)]
    #[derive(Default)]
    struct Library;

    #[protocol]
    impl Library {
        #[on(line)]
        fn read_out(&mut self, cx: &Context<Self>, length: usize) {
            cx.write(vec![b'x'; length]);
            cx.lose_connection();
        }
    }

    let server = Server::new(Library::factory().with_policies(Policies::new().write_rate(1000)));
    let client = server.connect();
    client.receive("90000\r\n");
    assert_eq!(client.sent_bytes().len(), 1000);
    server.advance(88 * SECOND);
    assert_eq!(client.sent_bytes().len(), 89_000, "longer than the close time-out");
    server.advance(SECOND);
    assert_eq!(client.sent_bytes().len(), 90_000);
    assert_eq!(client.reason().as_deref(), Some("the connection was closed cleanly"));
}

#[test]
fn a_peer_that_does_not_take_what_it_may_is_still_cut_off() {
    let server = echo_under(Policies::new().write_rate(1000));
    let client = server.connect();
    client.receive(vec![b'x'; 3000]);
    client.stop_reading();
    client.disconnect();
    server.advance(31 * SECOND);
    assert!(client.reason().is_some_and(|reason| reason.contains("could not be delivered within 30s")), "{client:?}");
}

#[test]
fn a_common_rate_is_shared_evenly_and_nobody_starves() {
    let server = echo_under(Policies::new().total_read_rate(1000));
    let clients: Vec<_> = (0..7).map(|_| server.connect()).collect();
    clients.iter().for_each(|client| {
        client.receive(vec![b'x'; 10_000]);
    });
    assert_eq!(clients.iter().map(echoed).sum::<usize>(), 1000);
    let before: Vec<usize> = clients.iter().map(echoed).collect();
    for second in 1..=14 {
        server.advance(SECOND);
        assert_eq!(clients.iter().map(echoed).sum::<usize>() / 100, 10 + 10 * second, "at the rate, within a tenth");
    }
    for (client, before) in clients.iter().zip(before) {
        let got = echoed(client) - before;
        assert!((1900..2100).contains(&got), "{got} of 2000");
    }
}

#[test]
fn a_common_rate_of_writing_holds_for_all_together() {
    let server = echo_under(Policies::new().total_write_rate(1000));
    let clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    clients.iter().for_each(|client| {
        client.receive(vec![b'x'; 5000]);
    });
    server.advance(8 * SECOND);
    let sent: usize = clients.iter().map(echoed).sum();
    assert!((8900..=9000).contains(&sent), "{sent} bytes");
    server.advance(7 * SECOND);
    assert_eq!(clients.iter().map(echoed).sum::<usize>(), 15_000);
}

/// Random traffic under random rates: never more than agreed, and all of it in the end.
#[test]
fn whatever_comes_when_is_neither_too_fast_nor_lost() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (rate, burst) = (random.usize(1..5000), Duration::from_millis(random.u64(1..3000)));
        let server = echo_under(Policies::new().read_rate(rate).total_write_rate(rate).burst(burst));
        let client = server.connect();
        let mut given = 0;
        for _ in 0..20 {
            let bytes = random.usize(0..3000);
            client.receive(vec![b'x'; bytes]);
            given += bytes;
            server.advance(Duration::from_millis(random.u64(0..500)));
            let most = 1.0 + rate as f64 * ((server.now() - Timestamp::ZERO) + burst).as_secs_f64();
            assert!(echoed(&client) as f64 <= most, "seed {seed}: {} of {most} bytes", echoed(&client));
        }
        server.advance(Duration::from_secs_f64(given as f64 / rate as f64 + 1.0));
        assert_eq!(echoed(&client), given, "seed {seed}");
    }
}

#[test]
#[should_panic(expected = "nothing would ever move")]
fn a_rate_of_nothing_is_refused() {
    let _policies = Policies::new().read_rate(0);
}
