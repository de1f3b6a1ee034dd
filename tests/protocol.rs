//! `#[protocol]`: every framing, limit, event, argument and outcome does what the documentation says, in memory.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;
use twisty::protocol::{Replies, Settings};
use twisty::testing::Server;
use twisty::{Address, InvalidFrame};

// ---- arguments ------------------------------------------------------------------------------------------------------

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

// ---- outcomes -------------------------------------------------------------------------------------------------------

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

    /// How much waits on a connection, which is asked when it is sent.
    struct Backlog(Transport<Line>);

    impl ToFrame for Backlog {
        fn to_frame(&self) -> Cow<'_, [u8]> {
            format!("{} wait", self.0.queued()).into_bytes().into()
        }
    }

    impl AsRef<[u8]> for Backlog {
        fn as_ref(&self) -> &[u8] {
            if self.0.queued() > 0 { b"some wait\r\n" } else { b"none wait\r\n" }
        }
    }

    #[protocol(line)]
    #[derive(Default)]
    struct Introspective;

    #[protocol]
    impl Introspective {
        #[on(line)]
        fn tell(&mut self, cx: &Context<Self>) -> Backlog {
            let backlog = || Backlog(cx.transport());
            cx.send(backlog());
            cx.write(backlog());
            twisty::broadcast(&[cx.transport()], backlog());
            backlog()
        }
    }

    /// It is code of the program's, and may look at the very connection that it is sent on.
    #[test]
    fn may_ask_the_connection_they_are_sent_on() {
        let server = Server::new(Introspective::factory());
        let client = server.connect();
        client.receive("?\r\n");
        assert_eq!(client.sent(), "0 wait\r\nsome wait\r\n19 wait\r\n28 wait\r\n");
        assert!(client.is_connected(), "{:?}", client.reason());
    }
}

// ---- events ---------------------------------------------------------------------------------------------------------

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

// ---- framings and limits --------------------------------------------------------------------------------------------

mod settings {
    use super::*;
    use twisty::framing::{Decoded, Endian, Framing, LengthPrefixed, Line, Netstring, Prefix, Raw};
    use twisty::protocol::{Limits, SlowConsumerPolicy};
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
        #[protocol(
            raw,
            idle_timeout = 1h,
            max_age = 1.5s,
            frame_timeout = 5min,
            min_progress = 3,
            close_timeout = 250ms,
            high_water = 2 * 8,
            low_water = 5,
            outbox_limit = 99,
            max_pending_replies = 7,
            slow_consumer = disconnect
        )]
        struct All;
        let expected = Limits {
            idle_timeout: Some(Duration::from_secs(3600)),
            max_age: Some(Duration::from_millis(1500)),
            frame_timeout: Duration::from_secs(300),
            min_progress: 3,
            close_timeout: Duration::from_millis(250),
            high_water: 16,
            low_water: Some(5),
            outbox_limit: 99,
            max_pending_replies: 7,
            slow_consumer: SlowConsumerPolicy::Disconnect,
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
