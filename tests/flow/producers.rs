//! Watermarks: one pause, one resume, and a pull once the queue has run low.

use std::cell::Cell;
use std::rc::Rc;

use twisty::protocol::{Producing, PullProducer};
use twisty::{AlreadyProducing, NothingProduced, SendError, Transport};

use super::{Log, Noted, Scene};
use twisty::prelude::*;

#[test]
fn a_push_producer_is_paused_once_over_the_high_mark_and_resumed_once_at_the_low_one() {
    let scene = Scene::pushed();
    scene.client.stop_reading();
    scene.send(1000);
    assert_eq!(scene.log.take(), [""; 0], "1000 bytes are not over 1000");
    scene.send(1);
    assert_eq!(scene.log.take(), ["pause"]);
    scene.send(500);
    scene.send(500);
    assert_eq!(scene.log.take(), [""; 0], "it was told");
    scene.client.start_reading();
    assert_eq!(scene.log.take(), ["drain", "resume"]);
    scene.send(5000);
    assert_eq!(scene.log.take(), [""; 0], "the peer takes it at once");
}

#[test]
fn a_producer_that_comes_late_is_paused_too() {
    let scene = Scene::new();
    scene.client.stop_reading();
    scene.send(2000);
    scene.transport.register_producer(Noted(scene.log.clone())).expect("it is the first");
    scene.turn();
    assert_eq!(scene.log.take(), ["pause"]);
}

#[test]
fn one_producer_at_a_time() {
    let scene = Scene::pushed();
    assert_eq!(scene.transport.register_producer(Noted(scene.log.clone())), Err(AlreadyProducing));
    assert_eq!(scene.transport.register_pull_producer(|out: &Producing<'_>| out.finish()), Err(AlreadyProducing));
    scene.transport.unregister_producer();
    assert_eq!(scene.transport.register_producer(Noted(Log::default())), Ok(()));
    assert_eq!(scene.log.take(), [""; 0], "who was unregistered is told nothing");
}

#[test]
fn without_a_producer_the_protocol_hears_that_the_queue_has_drained() {
    let scene = Scene::new();
    scene.client.stop_reading();
    scene.send(2000);
    scene.client.start_reading();
    assert_eq!(scene.log.take(), ["drain"]);
    scene.send(900);
    assert_eq!(scene.log.take(), [""; 0]);
}

/// Sends `size` bytes each time, so often.
fn chunks(size: usize, mut times: u32, asked: &Rc<Cell<u32>>) -> impl PullProducer + use<> {
    let asked = Rc::clone(asked);
    move |out: &Producing<'_>| {
        asked.set(asked.get() + 1);
        out.write(vec![b'x'; size]);
        times -= 1;
        if times == 0 {
            out.finish();
        }
    }
}

#[test]
fn a_pull_producer_is_asked_while_the_queue_is_low() {
    let (scene, asked) = (Scene::new(), Rc::default());
    scene.client.stop_reading();
    scene.transport.register_pull_producer(chunks(150, 100, &asked)).expect("it is the first");
    assert_eq!(asked.get(), 0, "it is not called by who registers it");
    scene.turn();
    assert_eq!((asked.get(), scene.transport.queued()), (3, 450), "at 400 bytes or less");
    scene.turn();
    assert_eq!(asked.get(), 3);
    scene.client.start_reading();
    assert_eq!((asked.get(), scene.client.sent().len()), (100, 15_000));
}

#[test]
fn a_pull_producer_may_be_followed_by_another_one() {
    let scene = Scene::new();
    let (first, second) = (Rc::default(), Rc::default());
    let (next, transport) = (chunks(1, 2, &second), scene.transport.clone());
    let (mut next, mut one) = (Some(next), chunks(10, 3, &first));
    let both = move |out: &Producing<'_>| {
        one.produce(out);
        if let Ok(()) = transport.register_pull_producer(|out: &Producing<'_>| out.finish()) {
            transport.unregister_producer();
            transport.register_pull_producer(next.take().expect("it ends once")).expect("the place is free");
        }
    };
    scene.transport.register_pull_producer(both).expect("it is the first");
    scene.turn();
    assert_eq!((first.get(), second.get(), scene.client.sent().len()), (3, 2, 32));
}

#[test]
fn a_pull_producer_that_sends_nothing_ends_its_connection() {
    let scene = Scene::new();
    scene.transport.register_pull_producer(|_: &Producing<'_>| {}).expect("it is the first");
    scene.turn();
    assert_eq!(scene.client.reason(), Some(NothingProduced.to_string()));
}

#[test]
fn a_producer_that_panics_ends_its_connection_and_no_other() {
    let scene = Scene::new();
    let other = scene.server.connect();
    scene.transport.register_pull_producer(|_: &Producing<'_>| panic!("no more")).expect("it is the first");
    scene.turn();
    assert!(scene.client.reason().is_some_and(|reason| reason.contains("no more")));
    assert!(other.is_connected());
}

#[test]
fn a_producer_that_panics_as_it_is_stopped_does_not_hide_the_end() {
    struct Bad;
    impl PullProducer for Bad {
        fn produce(&mut self, out: &Producing<'_>) {
            out.write([0; 2000]);
        }

        fn stop(&mut self) {
            panic!("never");
        }
    }
    let scene = Scene::new();
    scene.client.stop_reading();
    scene.transport.register_pull_producer(Bad).expect("it is the first");
    scene.turn();
    scene.client.reset();
    assert_eq!(scene.log.take(), ["disconnect"]);
}

/// Sends lines.
#[protocol(int8)]
#[derive(Default)]
struct Strings;

#[protocol]
impl Strings {
    #[on(string)]
    fn start(&mut self, cx: &Context<Self>, length: usize) -> twisty::Result<()> {
        let produce = move |out: &Producing<'_>| out.send(vec![b'x'; length]);
        Ok(cx.transport().register_pull_producer(produce)?)
    }
}

#[test]
fn a_frame_that_cannot_be_sent_ends_the_connection_of_the_producer() {
    let server = twisty::testing::Server::new(Strings::factory());
    let client = server.connect();
    client.receive(b"\x03256");
    let expected = SendError::TooLong { length: 256, bits: 8, largest: 255 };
    assert_eq!(client.reason(), Some(expected.to_string()));
}

/// Whether what is kept of a connection ends with it.
#[test]
fn two_connections_that_feed_each_other_are_gone_when_they_are_closed() {
    let (one, other) = (Scene::new(), Scene::new());
    let held = Rc::new(());
    struct Holding(#[expect(dead_code, reason = "it counts")] Rc<()>, Transport<Raw>);
    impl twisty::protocol::PushProducer for Holding {
        fn pause(&mut self) {
            self.1.pause();
        }

        fn resume(&mut self) {
            self.1.resume();
        }

        fn stop(&mut self) {
            self.1.stop();
        }
    }
    for (from, to) in [(&one, &other), (&other, &one)] {
        to.transport.register_producer(Holding(Rc::clone(&held), from.transport.clone())).expect("it is the first");
    }
    one.client.reset();
    other.client.reset();
    assert_eq!(Rc::strong_count(&held), 1);
}
