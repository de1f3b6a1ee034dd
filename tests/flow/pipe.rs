//! Two connections that are piped, as `port_forward` does it.

use twisty::prelude::*;
use twisty::testing::{Client, Server};

/// Whoever comes waits for the next one, and is connected with it.
#[factory(protocol = End)]
#[derive(Default)]
pub(super) struct Switchboard {
    waiting: Option<Transport<Raw>>,
    /// Each end, and the other one of its pair.
    pairs: Vec<(Transport<Raw>, Transport<Raw>)>,
    /// Most bytes that ever waited for one of them.
    pub(super) most_queued: usize,
}

/// One end of a pair; whatever happens to it happens to the other one.
#[protocol(raw, factory = Switchboard, high_water = 64 * 1024)]
#[derive(Default)]
pub(super) struct End;

#[protocol]
impl End {
    #[on(connect)]
    fn pair(&mut self, cx: &Context<Self>) -> twisty::Result<()> {
        let Some(other) = cx.factory_mut().waiting.take() else {
            cx.factory_mut().waiting = Some(cx.transport());
            return Ok(());
        };
        cx.transport().register_producer(other.clone())?;
        other.register_producer(cx.transport())?;
        cx.factory_mut().pairs.extend([(cx.transport(), other.clone()), (other, cx.transport())]);
        Ok(())
    }

    #[on(data)]
    fn pass(&mut self, cx: &Context<Self>, data: &[u8]) {
        let Some(other) = other(cx) else { return };
        other.write(data);
        let most_queued = cx.factory().most_queued.max(other.queued());
        cx.factory_mut().most_queued = most_queued;
    }

    #[on(eof)]
    fn no_more(&mut self, cx: &Context<Self>) {
        let Some(other) = other(cx) else { return cx.lose_connection() };
        other.unregister_producer();
        other.lose_write_connection();
    }

    #[on(disconnect)]
    fn gone(&mut self, cx: &Context<Self>, reason: Failure) {
        let Some(other) = other(cx) else { return };
        other.unregister_producer();
        if reason.check::<ConnectionDone>().is_some() { other.lose_connection() } else { other.abort_connection() }
    }
}

fn other(cx: &Context<End>) -> Option<Transport<Raw>> {
    let factory = cx.factory();
    factory.pairs.iter().find(|(end, _)| *end == cx.transport()).map(|(_, other)| other.clone())
}

fn pair() -> (Server<Switchboard>, Client<Switchboard>, Client<Switchboard>) {
    let server = Server::new(Switchboard::default());
    let (left, right) = (server.connect(), server.connect());
    (server, left, right)
}

const DONE: &str = "the connection was closed cleanly";

#[test]
fn what_one_end_says_the_other_one_hears() {
    let (_server, left, right) = pair();
    left.receive("question");
    right.receive("answer");
    assert_eq!((left.sent().as_str(), right.sent().as_str()), ("answer", "question"));
}

#[test]
fn an_end_that_does_not_read_holds_the_other_one_up() {
    let (server, left, right) = pair();
    right.stop_reading();
    for _ in 0..100 {
        left.receive([b'x'; 16 * 1024]);
    }
    let queued = server.factory().most_queued;
    assert!((64 * 1024..=80 * 1024).contains(&queued), "{queued} bytes were queued");
    assert!(left.unread().len() > 1_500_000, "they wait in the network");
    right.start_reading();
    server.advance(super::NOW);
    assert_eq!((left.unread().len(), right.sent().len()), (0, 1_638_400));
}

#[test]
fn the_end_of_one_direction_is_passed_on_behind_what_was_said() {
    let (_server, left, right) = pair();
    right.stop_reading();
    left.receive([b'x'; 100_000]).half_close();
    assert!(!right.write_side_is_closed());
    right.receive("still here");
    right.start_reading();
    assert!(right.write_side_is_closed() && right.is_connected());
    right.receive(", and done").half_close();
    assert_eq!(left.sent(), "still here, and done");
    assert_eq!([left.reason().as_deref(), right.reason().as_deref()], [Some(DONE); 2]);
}

#[test]
fn a_reset_is_passed_on() {
    let (_server, left, right) = pair();
    right.stop_reading();
    left.receive([b'x'; 100_000]);
    left.reset();
    assert!(right.is_aborted());
}

/// Whatever the two ends do: when both have closed their sides and read, both connections end, and neither has lost a
/// byte of what was said.
#[test]
fn nothing_is_lost_and_nothing_hangs_whatever_the_order() {
    for seed in 0..500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (server, left, right) = pair();
        let ends = [&left, &right];
        let (mut said, mut closed) = ([0, 0], [false, false]);
        for _ in 0..random.usize(0..40) {
            let number = random.usize(0..2);
            match random.u8(0..8) {
                0..=3 if !closed[number] => {
                    let length = random.usize(0..50_000);
                    ends[number].receive(vec![b'x'; length]);
                    said[number] += length;
                }
                4 => ends[number].stop_reading(),
                5 => ends[number].start_reading(),
                6 if random.u8(0..4) == 0 => {
                    ends[number].half_close();
                    closed[number] = true;
                }
                _ => server.advance(super::NOW),
            }
        }
        for end in ends {
            end.half_close().start_reading();
        }
        server.advance(super::NOW);
        assert_eq!(ends.map(|end| end.reason()), [Some(DONE.to_owned()), Some(DONE.to_owned())], "seed {seed}");
        assert_eq!([right.sent_bytes().len(), left.sent_bytes().len()], said, "seed {seed}");
        assert!(server.factory().most_queued <= 64 * 1024 + 50_000, "seed {seed}");
    }
}
