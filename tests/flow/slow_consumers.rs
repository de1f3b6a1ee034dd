//! Broadcasts to peers that do not read.

use twisty::prelude::*;
use twisty::testing::Server;
use twisty::{SlowConsumer, broadcast};

/// A party whose members are too slow for more than 100 bytes.
macro_rules! party {
    ($module:ident, $($policy:tt)*) => {
        mod $module {
            use twisty::prelude::*;

            #[factory(protocol = Member)]
            #[derive(Default)]
            pub(super) struct Party {
                pub(super) members: Vec<Transport<Line>>,
            }

            #[protocol(line, factory = Party, high_water = 100, outbox_limit = 1000, $($policy)*)]
            #[derive(Default)]
            pub(super) struct Member;

            #[protocol]
            impl Member {
                #[on(connect)]
                fn join(&mut self, cx: &Context<Self>) {
                    cx.factory_mut().members.push(cx.transport());
                }

                #[on(line)]
                fn hear(&mut self) {}
            }
        }
    };
}

party!(queueing, slow_consumer = queue);
party!(dropping, slow_consumer = drop);
party!(strict, slow_consumer = disconnect);

/// Says a line of 60 bytes so often, each in a turn of its own.
fn tell<F: Factory>(server: &Server<F>, members: &[Transport<Line>], times: usize) {
    for _ in 0..times {
        broadcast(members, "x".repeat(58));
        server.advance(super::NOW);
    }
}

#[test]
fn who_is_too_slow_misses_what_is_dropped_and_it_is_counted() {
    let shared = Shared::from(dropping::Party::default());
    let server = Server::new(shared.clone());
    let (quick, slow) = (server.connect(), server.connect());
    slow.stop_reading();
    let members = server.factory().members.clone();
    tell(&server, &members, 10);
    assert_eq!((quick.sent().len(), members[1].queued()), (600, 120), "over 100 bytes it gets no more");
    assert_eq!((members[0].dropped(), members[1].dropped(), shared.dropped(), shared.cut_off()), (0, 8, 8, 0));
    slow.start_reading();
    tell(&server, &members, 1);
    assert_eq!((slow.sent().len(), shared.dropped()), (180, 8), "it keeps up again");
    slow.reset();
    assert_eq!((shared.dropped(), members[1].dropped()), (8, 8), "also when it is gone");
}

#[test]
fn who_is_too_slow_is_cut_off_where_that_is_declared() {
    let shared = Shared::from(strict::Party::default());
    let server = Server::new(shared.clone());
    let (quick, slow) = (server.connect(), server.connect());
    slow.stop_reading();
    let members = server.factory().members.clone();
    tell(&server, &members, 2);
    assert!(slow.is_connected(), "it was not over the mark when the second one was said");
    tell(&server, &members, 8);
    assert_eq!(slow.reason(), Some(SlowConsumer { queued: 120, limit: 100 }.to_string()));
    assert!(slow.is_aborted());
    assert_eq!((quick.sent().len(), shared.dropped(), shared.cut_off()), (600, 0, 1));
}

#[test]
fn otherwise_all_is_queued_up_to_the_limit() {
    let shared = Shared::from(queueing::Party::default());
    let server = Server::new(shared.clone());
    let slow = server.connect();
    slow.stop_reading();
    let members = server.factory().members.clone();
    tell(&server, &members, 17);
    assert_eq!((members[0].queued(), slow.is_connected()), (1020, true));
    tell(&server, &members, 1);
    assert!(slow.reason().is_some_and(|reason| reason.contains("1020 bytes are queued, 1000 are allowed")));
    assert_eq!((shared.dropped(), shared.cut_off()), (0, 0));
}

#[test]
fn what_is_sent_to_one_alone_is_never_dropped() {
    let server = Server::new(dropping::Party::default());
    let slow = server.connect();
    slow.stop_reading();
    let member = server.factory().members[0].clone();
    for _ in 0..5 {
        member.send("x".repeat(58));
        server.advance(super::NOW);
    }
    assert_eq!((member.queued(), member.dropped()), (300, 0));
}

#[test]
fn who_reads_misses_nothing_however_much_one_turn_brings() {
    let server = Server::new(dropping::Party::default());
    let quick = server.connect();
    let members = server.factory().members.clone();
    for _ in 0..10 {
        broadcast(&members, "x".repeat(58));
    }
    server.advance(super::NOW);
    assert_eq!((quick.sent().len(), members[0].dropped()), (600, 0));
}
