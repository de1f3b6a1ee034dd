//! What the attributes write does what their documentation says: every event, argument and outcome, in memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;
use twisty::protocol::{Replies, Settings};
use twisty::testing::Server;
use twisty::{Address, InvalidFrame};

// ---- arguments -------------------------------------------------------------------------------------------------------

mod arguments {
    use super::*;

    /// What the handlers were given.
    #[protocol(line)]
    #[derive(Default)]
    struct Words {
        heard: Vec<String>,
    }

    #[protocol]
    impl Words {
        #[on(line)]
        fn hear(&mut self, word: &str, cx: &Context<Self>) -> Option<String> {
            match word {
                "raw" => cx.set_raw_mode_for(2),
                "?" => return Some(self.heard.join(",")),
                word => self.heard.push(word.into()),
            }
            None
        }

        #[on(raw)]
        fn hear_raw(&mut self, bytes: Vec<u8>) {
            self.heard.extend(bytes.iter().map(ToString::to_string));
        }
    }

    #[test]
    fn are_passed_by_type_in_any_order() {
        let server = Server::new(Words::factory());
        let client = server.connect();
        client.receive("a\r\nraw\r\n\x01\x02b\r\n?\r\n");
        assert_eq!(client.sent(), "a,1,2,b\r\n");
    }

    #[test]
    fn that_are_no_text_end_the_connection() {
        let server = Server::new(Words::factory());
        let client = server.connect();
        client.receive(b"\xff\r\n?\r\n");
        assert_eq!((client.sent().as_str(), client.is_connected()), ("", false));
    }

    #[protocol(netstring)]
    #[derive(Default)]
    struct Sum(i64);

    #[protocol]
    impl Sum {
        #[on(string)]
        fn add(&mut self, number: Result<i64, InvalidFrame>) -> Result<String, String> {
            self.0 += number.map_err(|mistake| mistake.to_string())?;
            Ok(self.0.to_string())
        }
    }

    #[test]
    fn of_the_wrong_form_can_be_answered() {
        let server = Server::new(Sum::factory());
        let client = server.connect();
        client.receive("1:5,1:x,2:-7,");
        let mistake = InvalidFrame::new("a whole number (i64)", b"x").to_string();
        assert_eq!(client.sent(), format!("1:5,{}:{mistake},2:-2,", mistake.len()));
    }

    #[protocol(int16)]
    #[derive(Default)]
    struct Nothing {
        frames: u8,
    }

    #[protocol]
    impl Nothing {
        #[on(frame)]
        fn count(&mut self) -> Vec<u8> {
            self.frames += 1;
            vec![self.frames]
        }
    }

    #[test]
    fn can_be_left_out() {
        let server = Server::new(Nothing::factory());
        assert_eq!(server.connect().receive(b"\0\x03abc\0\0").sent_bytes(), b"\0\x01\x01\0\x01\x02");
    }
}

// ---- outcomes --------------------------------------------------------------------------------------------------------

mod outcomes {
    use super::*;

    #[protocol(line)]
    #[derive(Default)]
    struct Answer;

    #[protocol]
    impl Answer {
        #[on(connect)]
        fn greet(&self) -> [&'static str; 2] {
            ["hello", "there"]
        }

        #[on(line)]
        fn answer(&mut self, question: String) -> Result<Option<Replies<Vec<String>>>, Failure> {
            match question.parse::<usize>()? {
                0 => Ok(None),
                n => Ok(Some(Replies(vec![question; n]))),
            }
        }
    }

    #[test]
    fn are_sent_in_order_or_end_the_connection() {
        let server = Server::new(Answer::factory());
        let client = server.connect();
        client.receive("2\r\n0\r\n1\r\nnonsense\r\n1\r\n");
        assert_eq!(client.sent(), "hello\r\nthere\r\n2\r\n2\r\n1\r\n");
        assert!(!client.is_connected());
    }

    #[protocol(raw)]
    #[derive(Default)]
    struct Letters;

    #[protocol]
    impl Letters {
        #[on(data)]
        fn spell(&mut self, text: &str) -> impl Iterator<Item = String> {
            text.chars().map(|letter| format!("{letter} "))
        }
    }

    #[test]
    fn may_be_borrowed_iterators() {
        let server = Server::new(Letters::factory());
        assert_eq!(server.connect().receive("abc").sent(), "a b c ");
    }
}

// ---- events ----------------------------------------------------------------------------------------------------------

mod events {
    use super::*;

    #[factory(protocol = Diary, build = Self::open)]
    #[derive(Default)]
    struct Diaries {
        entries: Rc<RefCell<Vec<String>>>,
    }

    impl Diaries {
        fn open(&mut self, _peer: &Address) -> Diary {
            Diary { entries: Rc::clone(&self.entries) }
        }
    }

    #[protocol(line, max_length = 5, factory = Diaries)]
    struct Diary {
        entries: Rc<RefCell<Vec<String>>>,
    }

    #[protocol]
    impl Diary {
        #[on(connect)]
        #[on(line)]
        fn note(&self) {
            self.entries.borrow_mut().push("note".into());
        }

        #[on(overlong)]
        fn too_long(&self, overlong: twisty::Overlong) -> String {
            format!("at most {}", overlong.max_length)
        }

        #[on(timeout(1.5s))]
        fn hurry(&self, cx: &Context<Self>) -> &'static str {
            cx.send(format!("{} here", cx.connections()));
            "still there?"
        }

        #[on(disconnect)]
        fn close(&mut self, reason: Failure) {
            self.entries.borrow_mut().push(reason.to_string());
        }
    }

    #[test]
    fn come_from_connect_to_disconnect() {
        let server = Server::new(Diaries::default());
        let client = server.connect();
        client.receive("x\r\n").disconnect();
        assert_eq!(*server.factory().entries.borrow(), ["note", "note", "the connection was closed cleanly"]);
    }

    #[test]
    fn tell_what_is_too_long() {
        let server = Server::new(Diaries::default());
        let client = server.connect();
        client.receive("123456\r\n");
        assert_eq!((client.sent().as_str(), client.is_connected()), ("at most 5\r\n", false));
    }

    #[test]
    fn come_when_none_comes() {
        let server = Server::new(Diaries::default());
        let client = server.connect();
        server.advance(Duration::from_millis(1499));
        assert_eq!(client.sent(), "");
        server.advance(Duration::from_millis(1));
        assert_eq!(client.sent(), "1 here\r\nstill there?\r\n");
    }
}

// ---- machines --------------------------------------------------------------------------------------------------------

mod machines {
    use super::*;

    #[protocol(line)]
    #[derive(Default)]
    struct Order {
        /// It outlives the connection.
        abandoned: Rc<Cell<u8>>,
    }

    #[derive(Default)]
    struct Open;
    struct Filling {
        items: Vec<String>,
    }
    struct Paying {
        items: Vec<String>,
    }

    type Next<T> = (String, T);

    #[state_machine(Open, Filling, Paying)]
    impl Order {
        #[on(connect)]
        fn greet(&mut self) -> &'static str {
            "what do you want?"
        }

        #[on(line in Open)]
        fn begin(&mut self, item: String) -> Filling {
            Filling { items: vec![item] }
        }

        #[on(line in Filling)]
        fn fill(&mut self, order: &mut Filling, item: &str) -> Result<Option<Paying>, &'static str> {
            match item {
                "" => Err("what?"),
                "pay" => Ok(Some(Paying { items: std::mem::take(&mut order.items) })),
                item => {
                    order.items.push(item.into());
                    Ok(None)
                }
            }
        }

        #[on(line in Paying, to = (Open))]
        fn pay(&mut self, coins: u32, order: Paying, cx: &Context<Self>) -> Result<Next<Open>, Failure> {
            if coins == 0 {
                return Err(Failure::message("no money"));
            }
            cx.send(format!("{coins} coins"));
            Ok((order.items.join("+"), Open))
        }

        #[on(timeout(10s))]
        fn wait(&mut self) -> &'static str {
            "take your time"
        }

        #[on(timeout(1min) in Paying)]
        fn hurry(&mut self, order: &Paying) -> (String, Open) {
            (format!("{} gone", order.items.len()), Open)
        }

        #[on(disconnect in Filling | Paying)]
        fn abandon(&mut self) {
            self.abandoned.set(self.abandoned.get() + 1);
        }
    }

    fn ordered(lines: &str) -> String {
        let server = Server::new(Order::factory());
        let client = server.connect();
        client.receive(lines);
        client.sent().trim_start_matches("what do you want?\r\n").to_owned()
    }

    #[test]
    fn go_from_state_to_state() {
        assert_eq!(ordered("tea\r\nmilk\r\npay\r\n3\r\n"), "3 coins\r\ntea+milk\r\n");
        assert_eq!(ordered("tea\r\npay\r\n3\r\ncake\r\npay\r\n4\r\n"), "3 coins\r\ntea\r\n4 coins\r\ncake\r\n");
    }

    #[test]
    fn stay_where_they_are_on_a_refusal() {
        assert_eq!(ordered("tea\r\n\r\npay\r\n3\r\n"), "what?\r\n3 coins\r\ntea\r\n");
    }

    #[test]
    fn end_on_a_failure_also_without_a_state() {
        let server = Server::new(Order::factory());
        let client = server.connect();
        client.receive("tea\r\npay\r\n0\r\n3\r\n");
        assert_eq!((client.sent().as_str(), client.is_connected()), ("what do you want?\r\n", false));
    }

    #[test]
    fn keep_a_state_whose_frame_is_none() {
        let server = Server::new(Order::factory());
        let client = server.connect();
        client.receive("tea\r\npay\r\nthree\r\n");
        assert!(!client.is_connected());
    }

    #[test]
    fn leave_alone_what_their_state_has_no_handler_for() {
        let abandoned = Rc::new(Cell::new(0));
        let orders = {
            let abandoned = Rc::clone(&abandoned);
            ForProtocol::new(move || Order { abandoned: Rc::clone(&abandoned) })
        };
        let server = Server::new(orders);
        server.connect().disconnect();
        assert_eq!(abandoned.get(), 0);
        server.connect().receive("tea\r\n").disconnect();
        server.connect().receive("tea\r\npay\r\n").disconnect();
        assert_eq!(abandoned.get(), 2);
    }

    #[test]
    fn wait_as_long_as_their_state_says() {
        let server = Server::new(Order::factory());
        let client = server.connect();
        server.advance(Duration::from_secs(10));
        client.receive("tea\r\npay\r\n");
        server.advance(Duration::from_secs(59));
        assert_eq!(client.sent(), "what do you want?\r\ntake your time\r\n");
        server.advance(Duration::from_secs(1));
        assert_eq!(client.sent(), "what do you want?\r\ntake your time\r\n1 gone\r\n");
    }

    #[test]
    fn know_their_graph() {
        let ways = Order::diagram().mermaid();
        let ways: Vec<_> = ways.lines().skip(1).map(str::trim).collect();
        let expected = [
            "[*] --> Open",
            "Open --> Filling: line",
            "Filling --> Paying: line",
            "Paying --> Open: line",
            "Open --> Open: timeout 10s",
            "Filling --> Filling: timeout 10s",
            "Paying --> Open: timeout 1min",
        ];
        assert_eq!(ways, expected);
        assert_eq!(Order::diagram().states, ["Open", "Filling", "Paying"]);
    }

    /// Where an alias hides that no state may follow, the connection ends instead of going on without a state.
    #[protocol(line)]
    #[derive(Default)]
    struct Careless;

    #[derive(Default)]
    struct Only;

    type Perhaps = Option<Only>;

    #[state_machine(Only)]
    impl Careless {
        #[on(line in Only, to = Only)]
        fn lose(&mut self, only: Only, keep: &str) -> Perhaps {
            (keep == "keep").then_some(only)
        }
    }

    #[test]
    fn do_not_go_on_without_a_state() {
        let server = Server::new(Careless::factory());
        let client = server.connect();
        client.receive("keep\r\n");
        assert!(client.is_connected());
        client.receive("drop\r\n");
        assert!(!client.is_connected());
    }
}

// ---- framings and limits ---------------------------------------------------------------------------------------------

mod settings {
    use super::*;
    use twisty::framing::{Decoded, Endian, Framing, LengthPrefixed, Line, Netstring, Prefix, Raw};
    use twisty::protocol::Limits;
    use twisty::{FramingError, SendError};

    macro_rules! declares {
        ($($name:ident($($declared:tt)*) => $expected:expr;)*) => {$(
            #[protocol($($declared)*)]
            struct $name;
            assert_eq!(<$name as Settings>::framing(), $expected, stringify!($($declared)*));
        )*};
    }

    #[test]
    fn name_each_framing() {
        declares! {
            A(raw) => Raw;
            B(line) => Line::new();
            C(line, delimiter = b"\n") => Line::new().delimiter(&b"\n"[..]);
            D(line, delimiter = "\n", max_length = 80) => Line::new().delimiter(&b"\n"[..]).max_length(80);
            E(line, delimiter = b'\0',) => Line::new().delimiter(&b"\0"[..]);
            F(netstring, max_length = 1 << 10) => Netstring::new().max_length(1024);
            G(int8) => LengthPrefixed::int8();
            H(int16, max_length = usize::MAX) => LengthPrefixed::int16().max_length(usize::MAX);
            I(int32) => LengthPrefixed::int32();
            J(length_prefixed(u24, little_endian)) => LengthPrefixed::new(Prefix::U24).endian(Endian::Little);
            K(length_prefixed(u64), max_length = 9) => LengthPrefixed::new(Prefix::U64).max_length(9);
            L(twisty::framing::Netstring) => Netstring::new();
        }
    }

    #[test]
    fn name_each_limit() {
        #[protocol(raw, idle_timeout = 1h, close_timeout = 250ms, high_water = 2 * 8, outbox_limit = 99)]
        struct All;
        let expected = Limits {
            idle_timeout: Some(Duration::from_secs(3600)),
            close_timeout: Duration::from_millis(250),
            high_water: 16,
            outbox_limit: 99,
        };
        assert_eq!(All::limits(), expected);
    }

    /// Frames of `N` bytes.
    #[derive(Default)]
    struct Records<const N: usize>;

    impl<const N: usize> Framing for Records<N> {
        fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
            Ok(match buffer.get(..N) {
                Some(frame) => Decoded::Frame { frame, consumed: N },
                None => Decoded::Incomplete { missing: N - buffer.len() },
            })
        }

        fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
            out.extend_from_slice(frame);
            Ok(())
        }
    }

    #[protocol(Records<3>)]
    #[derive(Default)]
    struct Triples;

    #[protocol]
    impl Triples {
        #[on(frame)]
        fn reversed(&mut self, record: &[u8]) -> Vec<u8> {
            record.iter().rev().copied().collect()
        }
    }

    #[test]
    fn name_a_framing_of_ones_own() {
        let server = Server::new(Triples::factory());
        assert_eq!(server.connect().receive("abcdefg").sent(), "cbafed");
    }

    #[protocol(line)]
    #[derive(Default)]
    struct Tagged<T, const N: usize>(T);

    #[protocol]
    impl<T: Default + ToString, const N: usize> Tagged<T, N> {
        #[on(line)]
        fn tag(&mut self, cx: &Context<Self>) {
            cx.send(format!("{}{N}", self.0.to_string()));
        }
    }

    #[test]
    fn allow_generic_protocols() {
        let server = Server::new(Tagged::<u8, 7>::factory());
        assert_eq!(server.connect().receive("\r\n").sent(), "07\r\n");
    }
}

// ---- factories -------------------------------------------------------------------------------------------------------

mod factories {
    use super::*;

    /// What became of the house; it outlives the factory.
    type Log = Rc<RefCell<Vec<&'static str>>>;

    #[factory(protocol = Guest, build = Self::admit, start = Self::open, stop = close, max_connections = self.beds)]
    struct House {
        beds: usize,
        log: Log,
    }

    impl House {
        fn open(&mut self) -> Result<(), std::num::ParseIntError> {
            self.log.borrow_mut().push("open");
            self.beds += "1".parse::<usize>()?;
            Ok(())
        }

        fn admit(&mut self, peer: &Address) -> Option<Guest> {
            (peer.ip().is_none_or(|ip| ip.is_loopback())).then_some(Guest)
        }
    }

    fn close(house: &mut House) {
        house.log.borrow_mut().push("closed");
    }

    #[protocol(line, factory = House)]
    struct Guest;

    #[protocol]
    impl Guest {
        #[on(line)]
        fn echo(&mut self, line: &[u8]) -> Vec<u8> {
            line.to_vec()
        }
    }

    #[test]
    fn have_hooks() {
        let log = Log::default();
        let mut house = House { beds: 1, log: Rc::clone(&log) };
        Factory::start(&mut house).expect("the house opens");
        assert_eq!(house.max_connections(), 2);
        assert!(house.build_protocol(&Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)))).is_some());
        assert!(house.build_protocol(&Address::from(std::net::SocketAddr::from(([8, 8, 8, 8], 1)))).is_none());
        Factory::stop(&mut house);
        assert_eq!(*log.borrow(), ["open", "closed"]);
    }
}
