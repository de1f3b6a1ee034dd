//! Replies that come later, over sockets.

use std::cell::RefCell;
use std::net::Shutdown;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use live::{LOOPBACK, Live, PATIENCE};
use socket2::SockRef;
use twisty::prelude::*;
use twisty::task::defer_later;
use twisty::testing::Server;

thread_local! {
    /// What was asked on the reactor's thread.
    static ASKED: RefCell<Vec<Resolver<String>>> = const { RefCell::new(Vec::new()) };
}

/// Tells the test what happens on the reactor's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Asked,
    Cancelled,
}

/// Waits for what the test fires.
#[factory(protocol = Asker)]
struct Askers(Sender<News>);

#[protocol(line, factory = Askers, max_pending_replies = 2)]
#[derive(Default)]
struct Asker;

#[protocol]
impl Asker {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, line: &str) -> Deferred<String> {
        if line == "pause" {
            cx.pause_reading();
        }
        let (asked, cancelled) = (cx.factory().0.clone(), cx.factory().0.clone());
        let (resolver, answer) = Deferred::with_canceller(move |_| {
            let _nobody_waits = cancelled.send(News::Cancelled);
        });
        ASKED.with_borrow_mut(|asked| asked.push(resolver));
        let _nobody_waits = asked.send(News::Asked);
        answer
    }
}

fn start() -> (Live, Receiver<News>) {
    let (tell, told) = channel();
    (Live::start(|reactor| reactor.listen(LOOPBACK, Askers(tell))), told)
}

fn wait_for(told: &Receiver<News>, count: usize, news: News) {
    for _ in 0..count {
        assert_eq!(told.recv_timeout(PATIENCE), Ok(news));
    }
}

#[test]
fn a_reset_is_noticed_also_while_nothing_is_read() {
    for (input, count) in [("one\r\n", 1), ("one\r\ntwo\r\n", 2), ("pause\r\n", 1)] {
        let (live, told) = start();
        let mut client = live.connect();
        client.send(input);
        wait_for(&told, count, News::Asked);
        SockRef::from(&*client.socket()).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        wait_for(&told, count, News::Cancelled);
    }
}

#[test]
fn a_reactor_that_stops_sends_what_it_owes() {
    let (live, told) = start();
    let mut client = live.connect();
    client.send("one\r\ntwo\r\n");
    wait_for(&told, 2, News::Asked);
    live.ask(|reactor| {
        reactor.stop().expect("it runs");
        reactor.call_later(Duration::from_millis(1), |_| {
            let asked = ASKED.take();
            asked[1].callback("b".into());
            asked[0].callback("a".into());
        });
    });
    assert_eq!(client.rest().unwrap(), b"a\r\nb\r\n");
}

#[test]
fn a_reactor_that_is_stopped_twice_cancels_what_it_owes() {
    let (live, told) = start();
    let mut client = live.connect();
    client.send("one\r\n");
    wait_for(&told, 1, News::Asked);
    live.ask(|reactor| {
        reactor.stop().expect("it runs");
        reactor.stop().expect("it stops");
    });
    wait_for(&told, 1, News::Cancelled);
}

#[test]
fn what_fires_between_two_turns_is_sent_in_the_next() {
    let reactor = Reactor::new().unwrap();
    let (tell, _told) = channel();
    let port = reactor.listen(LOOPBACK, Askers(tell)).unwrap();
    let twisty::Address::Tcp(address) = port.host() else { panic!("no TCP address") };
    let mut client = live::Client::to(address);
    client.send("one\r\n");
    reactor.call_later(PATIENCE, |_| panic!("nobody asks"));
    while ASKED.with_borrow(Vec::is_empty) {
        reactor.turn(Some(PATIENCE)).unwrap();
    }
    ASKED.take()[0].callback("a".into());
    reactor.turn(Some(PATIENCE)).unwrap();
    assert_eq!(client.line(), "a");
}

/// Fires its own promises, one frame later.
#[protocol(line)]
#[derive(Default)]
struct Soon {
    waiting: Option<Resolver<&'static str>>,
}

#[protocol]
impl Soon {
    #[on(line)]
    fn line(&mut self, cx: &Context<Self>, line: &str) -> Option<Deferred<&'static str>> {
        match line {
            "attach" => cx.attach(Deferred::succeed(()), |_, cx, ()| cx.send("attached")),
            "fire" => self.waiting.take()?.callback("fired"),
            _ => {
                let (resolver, answer) = Deferred::new();
                self.waiting = Some(resolver);
                return Some(answer);
            }
        }
        None
    }
}

/// All that comes back when the input and the end come at once.
fn answer_on_a_socket(input: &'static str) -> String {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Soon::factory()));
    let mut client = live.connect();
    live.wait_for_connections(1);
    // The reactor is busy meanwhile, and finds all of it.
    let mut client = live.ask(move |_| {
        client.send(input);
        client.socket().shutdown(Shutdown::Write).expect("it is open");
        client
    });
    String::from_utf8(client.rest().expect("a clean end")).expect("text")
}

#[test]
fn what_has_fired_is_dealt_with_before_the_end_of_the_peer() {
    for (input, answer) in [("attach\r\n", "attached\r\n"), ("ask\r\nfire\r\n", "fired\r\n")] {
        assert_eq!(answer_on_a_socket(input), answer);
        let client = Server::new(Soon::factory()).connect();
        client.receive(input).disconnect();
        assert_eq!(client.sent(), answer);
    }
}

/// Answers so many milliseconds later, and at once without any.
#[protocol(line, max_pending_replies = 3, high_water = 64)]
#[derive(Default)]
struct Sleeper;

#[protocol]
impl Sleeper {
    #[on(line)]
    fn sleep(&mut self, cx: &Context<Self>, line: &str) -> Result<Deferred<String>, &'static str> {
        let (millis, number) = line.split_once(' ').ok_or("no number")?;
        let number = number.to_owned();
        Ok(match millis.parse().map_err(|_| "no time")? {
            0 => Deferred::succeed(number),
            millis => defer_later(Duration::from_millis(millis), &cx.clock(), || Ok(number)),
        })
    }
}

#[test]
fn replies_keep_their_order_on_a_socket_too() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Sleeper::factory()));
    let mut client = live.connect();
    let mut random = fastrand::Rng::with_seed(7);
    let lines: String = (0..300).map(|number| format!("{} {number}\r\n", random.u32(..4))).collect();
    for chunk in lines.as_bytes().chunks(97) {
        client.send(chunk);
    }
    for number in 0..300 {
        assert_eq!(client.line(), number.to_string());
    }
}
