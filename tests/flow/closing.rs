//! How a connection with a producer ends.

use std::time::Duration;

use twisty::protocol::Producing;

use super::{Noted, Scene};

/// Five chunks, however slowly they are taken.
fn five(size: usize) -> impl FnMut(&Producing<'_>) {
    let mut left = 5;
    move |out| {
        out.write(vec![b'x'; size]);
        left -= 1;
        if left == 0 {
            out.finish();
        }
    }
}

#[test]
fn closing_waits_for_a_pull_producer() {
    let scene = Scene::new();
    scene.client.stop_reading();
    scene.transport.register_pull_producer(five(1000)).expect("it is the first");
    scene.transport.lose_connection();
    scene.client.receive("too late");
    assert_eq!(scene.log.take(), [""; 0], "nothing is delivered any more");
    assert!(!scene.client.is_connected());
    scene.client.start_reading();
    assert_eq!((scene.client.sent().len(), scene.log.take()), (5000, vec!["disconnect"]));
}

#[test]
fn closing_waits_for_a_push_producer_to_be_unregistered() {
    let scene = Scene::pushed();
    scene.transport.lose_connection();
    scene.send(100);
    assert_eq!((scene.client.sent().len(), scene.client.reason()), (100, None), "what it sends goes out");
    scene.transport.unregister_producer();
    scene.turn();
    assert_eq!(scene.log.take(), ["disconnect"]);
}

#[test]
fn closing_our_side_waits_for_the_producer_too() {
    let scene = Scene::pushed();
    scene.transport.lose_write_connection();
    scene.send(100);
    assert!(!scene.client.write_side_is_closed());
    scene.transport.unregister_producer();
    scene.send(100);
    assert!(scene.client.write_side_is_closed());
    assert_eq!(scene.client.sent().len(), 100);
}

#[test]
fn closing_while_paused_goes_on_when_the_peer_does() {
    let scene = Scene::pushed();
    scene.client.stop_reading();
    scene.send(2000);
    scene.transport.lose_connection();
    scene.turn();
    scene.client.start_reading();
    assert_eq!(scene.log.take(), ["pause", "resume"], "and no `drain`: it closes");
    scene.transport.unregister_producer();
    scene.turn();
    assert_eq!(scene.log.take(), ["disconnect"]);
}

#[test]
fn a_producer_that_is_never_unregistered_does_not_keep_a_closing_connection_for_ever() {
    let scene = Scene::pushed();
    scene.transport.lose_connection();
    for _ in 0..10 {
        scene.send(1);
        scene.server.advance(Duration::from_secs(4));
    }
    assert_eq!(scene.log.take(), [""; 0], "it goes on");
    scene.server.advance(Duration::from_secs(2));
    assert_eq!(scene.log.take(), ["stop", "disconnect"]);
    assert!(scene.client.is_aborted());
}

#[test]
fn who_does_not_read_is_cut_off_in_time_also_while_a_producer_is_waited_for() {
    let scene = Scene::new();
    scene.client.stop_reading();
    scene.transport.register_pull_producer(five(1000)).expect("it is the first");
    scene.transport.lose_connection();
    scene.server.advance(Duration::from_secs(6));
    assert!(scene.client.is_aborted());
}

#[test]
fn however_it_is_lost_the_producer_is_stopped_once_and_before_the_protocol_hears_of_it() {
    let ways: [fn(&Scene); 5] = [
        |scene| scene.client.reset(),
        |scene| scene.client.disconnect(),
        |scene| scene.transport.abort_connection(),
        |scene| scene.transport.fail(twisty::Failure::message("enough")),
        |_the_server_goes| {},
    ];
    for (number, lose) in ways.iter().enumerate() {
        let scene = Scene::pushed();
        lose(&scene);
        scene.turn();
        let log = scene.log.clone();
        drop(scene);
        assert_eq!(log.take(), ["stop", "disconnect"], "way {number}");
    }
}

#[test]
fn a_producer_that_comes_when_all_is_over_is_stopped_at_once() {
    let ends: [fn(&Scene); 3] = [
        |scene| scene.client.reset(),
        |scene| scene.transport.lose_connection(),
        |scene| scene.transport.lose_write_connection(),
    ];
    for end in ends {
        let scene = Scene::new();
        end(&scene);
        scene.log.take();
        assert_eq!(scene.transport.register_producer(Noted(scene.log.clone())), Ok(()));
        assert_eq!(scene.log.take(), ["stop"]);
    }
}

/// Whatever happens in whatever order, a connection that is asked to close, whose producer ends and whose peer reads, ends;
/// and the producer was told in turns.
#[test]
fn nothing_hangs_whatever_the_order() {
    for seed in 0..2000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let scene = Scene::pushed();
        for _ in 0..random.usize(0..20) {
            match random.u8(0..12) {
                0 | 1 => scene.client.stop_reading(),
                2 | 3 => scene.client.start_reading(),
                4..=6 => scene.send(random.usize(0..1500)),
                7 => scene.transport.pause_reading(),
                8 => scene.transport.resume_reading(),
                9 => drop(scene.client.receive("data")),
                10 if random.u8(0..4) == 0 => scene.transport.lose_write_connection(),
                11 if random.u8(0..4) == 0 => scene.transport.lose_connection(),
                _ => scene.turn(),
            }
        }
        scene.transport.lose_connection();
        scene.client.start_reading();
        scene.transport.unregister_producer();
        scene.turn();
        assert_eq!(scene.client.reason().as_deref(), Some("the connection was closed cleanly"), "seed {seed}");
        let log = scene.log.take();
        let told: Vec<_> = log.iter().filter(|what| ["pause", "resume"].contains(what)).collect();
        assert!(
            told.iter().zip(["pause", "resume"].iter().cycle()).all(|(told, due)| *told == due),
            "seed {seed}: {told:?}"
        );
        assert_eq!(log.last(), Some(&"disconnect"), "seed {seed}");
        assert!(!log.contains(&"stop"), "seed {seed}: it was unregistered");
    }
}
