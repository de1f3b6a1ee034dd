//! The server of `poetry_server.rs`, in memory and over real sockets, and what a client of it will do.
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use live::{LOOPBACK, Live};
use twisty::testing::{Clock, Loopback, Server, UnhandledFailures};

use super::*;

const TEXT: &str = "Our eye-beams twisted—and did thread\n"; // the dash takes three bytes
const TICK: Duration = Duration::from_millis(700);

fn poetry(options: &[&str]) -> Poetry {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/poetry/ecstasy.txt");
    let poetry = Poetry::try_parse_from(["poetry_server", file].iter().chain(options));
    Poetry { poem: TEXT.into(), ..poetry.expect("good options") }
}

mod server {
    use super::*;

    #[test]
    fn sends_so_many_bytes_every_so_often_and_hangs_up() {
        let server = Server::new(poetry(&[]));
        let client = server.connect();
        assert_eq!(client.take_sent(), b"Our eye-be");
        server.advance(TICK - Duration::from_nanos(1));
        assert_eq!(client.take_sent(), b"");
        server.advance(Duration::from_nanos(1));
        assert_eq!(client.take_sent(), b"ams twiste");
        server.advance(TICK);
        assert_eq!(client.take_sent(), "d—and di".as_bytes());
        assert!(client.is_connected());
        server.advance(TICK);
        assert_eq!(client.take_sent(), b"d thread\n");
        assert!(!client.is_connected());
        assert_eq!(server.clock().delayed_calls(), []);
    }

    #[test]
    fn takes_its_options() {
        let server = Server::new(poetry(&["--num-bytes", "1", "--delay", "0.001"]));
        let client = server.connect();
        server.advance(Duration::from_millis(2));
        assert_eq!(client.sent(), "Our");
    }

    #[test]
    fn everybody_hears_it_from_the_beginning() {
        let server = Server::new(poetry(&[]));
        let early = server.connect();
        server.advance(TICK);
        let late = server.connect();
        assert_eq!((early.sent(), late.sent()), ("Our eye-beams twiste".into(), "Our eye-be".into()));
        server.advance(10 * TICK);
        assert_eq!((early.sent(), late.sent()), (TEXT.into(), TEXT.into()));
    }

    #[test]
    fn the_recital_ends_when_the_client_leaves() {
        let server = Server::new(poetry(&[]));
        let poem = Arc::downgrade(&server.factory().poem);
        let (one, other) = (server.connect(), server.connect());
        assert_eq!((server.clock().delayed_calls().len(), poem.strong_count()), (2, 3));
        one.disconnect();
        other.reset();
        assert_eq!((server.clock().delayed_calls().len(), poem.strong_count()), (0, 1));
    }

    #[test]
    fn a_large_bite_is_the_whole_poem_and_an_empty_poem_is_over_at_once() {
        let most = usize::MAX.to_string();
        let server = Server::new(poetry(&["--num-bytes", &most]));
        let client = server.connect();
        assert_eq!(client.sent(), TEXT);
        assert!(!client.is_connected());

        let server = Server::new(Poetry { poem: "".into(), ..poetry(&[]) });
        assert!(!server.connect().is_connected());
    }

    #[test]
    fn bad_options_are_refused() {
        for (options, complaint) in [
            (&["nowhere.txt"][..], "invalid value 'nowhere.txt' for '<POEM>': No such file"),
            (
                &["Cargo.toml", "--num-bytes", "0"],
                "invalid value '0' for '--num-bytes <NUM_BYTES>': number would be zero",
            ),
            (&["Cargo.toml", "--delay", "0"], "invalid value '0' for '--delay <DELAY>': write seconds, more than 0"),
            (&["Cargo.toml", "--delay", "-1"], "invalid value '-1' for '--delay <DELAY>': write seconds, more than 0"),
            (&["Cargo.toml", "--delay", "NaN"], "invalid value 'NaN' for '--delay <DELAY>': write seconds"),
            (&[], "the following required arguments were not provided"),
        ] {
            let refusal = Poetry::try_parse_from(["poetry_server"].iter().chain(options)).err().expect("it is refused");
            assert!(refusal.to_string().contains(complaint), "{options:?}: {refusal}");
            assert_eq!(refusal.exit_code(), 2);
        }
    }

    #[test]
    fn serves_over_a_socket() {
        let server = Live::start(|reactor| reactor.listen(LOOPBACK, poetry(&["--delay", "0.001"])));
        let mut clients = [server.connect(), server.connect()];
        for client in &mut clients {
            assert_eq!(client.rest().expect("an orderly end"), TEXT.as_bytes());
        }
        server.wait_for_connections(0);
    }
}

/// What the client of a poetry server does with a connection; making one is still to come.
mod client {
    use super::*;

    /// Gathers what the server sends until it hangs up; then the poem is complete.
    #[protocol(raw, factory = Downloads)]
    struct PoemReceiver {
        text: Vec<u8>,
        poem: Resolver<String>,
    }

    #[protocol]
    impl PoemReceiver {
        #[on(data)]
        fn append(&mut self, data: &[u8]) {
            self.text.extend_from_slice(data);
        }

        #[on(disconnect)]
        fn finish(&mut self, reason: Failure) {
            match reason.trap::<ConnectionDone>() {
                Ok(_) => self.poem.callback(String::from_utf8_lossy(&self.text).into_owned()),
                Err(failure) => self.poem.errback(failure),
            }
        }
    }

    /// One receiver for each poem that is waited for.
    #[factory(protocol = PoemReceiver, build = Self::receiver)]
    #[derive(Default)]
    struct Downloads {
        expected: VecDeque<Resolver<String>>,
    }

    impl Downloads {
        fn receiver(&mut self, _server: &twisty::Address) -> Option<PoemReceiver> {
            self.expected.pop_front().map(|poem| PoemReceiver { text: Vec::new(), poem })
        }

        fn expect(&mut self) -> Deferred<String> {
            let (resolver, poem) = Deferred::new();
            self.expected.push_back(resolver);
            poem
        }
    }

    /// A server that has no say in how it is played, and the poem that is got from it.
    fn download(line: &Server<Downloads>) -> (twisty::testing::Client<Downloads>, Deferred<String>) {
        let poem = line.factory_mut().expect();
        (line.connect(), poem)
    }

    #[test]
    fn a_poem_is_whole_when_the_server_hangs_up() {
        let line = Server::new(Downloads::default());
        let (server, poem) = download(&line);
        server.receive(&TEXT.as_bytes()[..22]).receive(&TEXT.as_bytes()[22..]);
        assert!(!poem.has_result());
        server.disconnect();
        assert_eq!(poem.into_result().expect("it is over").ok().as_deref(), Some(TEXT));
    }

    #[test]
    fn a_poem_that_is_cut_off_is_none() {
        let line = Server::new(Downloads::default());
        let (server, poem) = download(&line);
        server.receive("Our eye-beams").reset();
        let failure = poem.into_result().expect("it is over").expect_err("it was cut off");
        assert!(failure.check::<ConnectionLost>().is_some(), "{failure}");
    }

    type Printed = Rc<RefCell<Vec<String>>>;

    /// What `main` will do with each poem, but for what it prints.
    fn report(poem: Deferred<String>, from: &'static str, clock: &Clock, printed: &Printed) -> Deferred<()> {
        let printed = Rc::clone(printed);
        chain! {
            poem;
            timeout 5s on clock;
            then |poem| printed.borrow_mut().push(poem);
            catch |why: TimeoutError| printed.borrow_mut().push(format!("{from} is too slow: {why}"));
            catch |why| printed.borrow_mut().push(format!("no poem from {from}: {why}"));
        }
    }

    #[test]
    fn several_poems_are_got_at_once_each_with_its_own_end() {
        let _none = UnhandledFailures::forbid();
        let line = Server::new(Downloads::default());
        let printed = Printed::default();
        let (servers, poems): (Vec<_>, Vec<_>) = (0..3).map(|_| download(&line)).unzip();
        let downloads = poems.into_iter().zip(["quick", "broken", "slow"]);
        let all = gather(downloads.map(|(poem, from)| report(poem, from, &line.clock(), &printed)));

        servers[1].reset();
        servers[0].receive(TEXT).disconnect();
        servers[2].receive("Our");
        line.advance(Duration::from_millis(4999));
        assert_eq!(*printed.borrow(), ["no poem from broken: the connection was lost: connection reset", TEXT]);
        assert!(!all.has_result());
        line.advance(Duration::from_millis(1));
        assert_eq!(printed.borrow()[2], "slow is too slow: there was no result within 5s");
        assert!(all.into_result().expect("all are over").is_ok());

        servers[2].disconnect(); // too late, and swallowed
        assert_eq!((printed.borrow().len(), line.clock().delayed_calls().len()), (3, 0));
    }

    #[test]
    fn both_ends_understand_each_other() {
        let mut downloads = Downloads::default();
        let poem = downloads.expect();
        let line = Loopback::new(poetry(&[]), downloads);
        line.pump();
        for _ in 0..3 {
            assert!(!poem.has_result());
            line.advance(TICK);
        }
        assert_eq!(poem.into_result().expect("it is over").ok().as_deref(), Some(TEXT));
        assert!(!line.is_connected());
    }
}
