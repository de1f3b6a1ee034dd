//! Twisted and twisty talk to each other, as do programs of others; here Twisted's own receivers to twisty servers.
//!
//! For each framing a Python client makes two connections. On one it sends 10,000 random messages that the server sends
//! back, on the other the server sends 10,000 of its own; who made a message compares what came back, byte by byte. The
//! empty message and the longest one that the framing allows are among them, many times.
//!
//! Needs `python3` with Twisted; `tests/interop/setup` makes a virtualenv with it. Without, the tests say so and pass,
//! except where `CI` is `true`.

#[path = "interop/datagrams.rs"]
mod datagrams;
#[path = "interop/proxies.rs"]
mod proxies;
#[path = "interop/returning.rs"]
mod returning;
#[path = "interop/talk.rs"]
mod talk;
#[path = "interop/tools.rs"]
mod tools;
#[path = "interop/twisted.rs"]
mod twisted;
#[path = "interop/unix.rs"]
mod unix;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use live::{LOOPBACK, Live};
use twisty::Address;
use twisty::prelude::*;

/// In each direction.
const MESSAGES: usize = 10_000;
/// Of the server's own messages, how many are on their way at once: enough that both directions are busy.
const WINDOW: usize = 100;
const SEED: u64 = 4;

/// A framing, as twisty and the client know it.
trait Spoken: 'static {
    type Framing: Framing;
    const NAME: &'static str;
    const LONGEST: usize;

    fn framing() -> Self::Framing;
}

macro_rules! spoken {
    ($($name:ident: $type:ty = $framing:expr, $called:literal up to $longest:expr;)*) => {$(
        struct $name;

        impl Spoken for $name {
            type Framing = $type;
            const NAME: &'static str = $called;
            const LONGEST: usize = $longest;

            fn framing() -> $type {
                $framing
            }
        }
    )*};
}

spoken! {
    Lines: Line = Line::new(), "line" up to Line::MAX_LENGTH;
    Netstrings: Netstring = Netstring::new(), "netstring" up to Netstring::MAX_LENGTH;
    Bytes: Raw = Raw, "raw" up to usize::MAX;
    Int16: LengthPrefixed = LengthPrefixed::int16(), "int16" up to 0xffff;
    Int32: LengthPrefixed = LengthPrefixed::int32(), "int32" up to LengthPrefixed::MAX_LENGTH;
}

#[test]
fn lines() {
    talk_to_twisted::<Lines>();
}

#[test]
fn netstrings() {
    talk_to_twisted::<Netstrings>();
}

#[test]
fn int16_strings() {
    talk_to_twisted::<Int16>();
}

#[test]
fn int32_strings() {
    talk_to_twisted::<Int32>();
}

fn talk_to_twisted<S: Spoken>() {
    let Some(python) = python_with_twisted() else { return };
    let returned = Arc::new(AtomicUsize::new(0));
    let hall = Hall::<S> { returned: Arc::clone(&returned), spoken: PhantomData };
    let server = Live::start(move |reactor| reactor.listen(LOOPBACK, hall));
    let mut client = Command::new(python);
    client.arg(here().join("interop/twisted_client.py")).arg(S::NAME).arg(server.address().port().to_string());
    let output = client.arg(MESSAGES.to_string()).arg(SEED.to_string()).output().expect("python runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}: {}", S::NAME, String::from_utf8_lossy(&said));
    assert_eq!(returned.load(Ordering::Relaxed), MESSAGES, "so many of the server's own messages came back");
    server.stop();
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The virtualenv's Python, or else the system's; `None` if neither knows Twisted.
fn python_with_twisted() -> Option<PathBuf> {
    let knows_twisted = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import twisted"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let candidates = [here().with_file_name("target/interop-venv/bin/python"), "python3".into()];
    let found = candidates.into_iter().find(knows_twisted);
    if found.is_none() {
        let required = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!required, "no python3 with Twisted: run tests/interop/setup first");
        eprintln!("skipped: no python3 with Twisted; tests/interop/setup makes a virtualenv that has it");
    }
    found
}

/// The factory.
struct Hall<S> {
    /// Messages of the server that came back as they were sent.
    returned: Arc<AtomicUsize>,
    spoken: PhantomData<fn() -> S>,
}

impl<S: Spoken> Factory for Hall<S> {
    type Protocol = Peer<S>;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Peer<S>> {
        Some(Peer { role: Role::Unknown, spoken: PhantomData })
    }
}

struct Peer<S> {
    role: Role,
    spoken: PhantomData<fn() -> S>,
}

/// What the server does on a connection; the first message says it.
enum Role {
    Unknown,
    /// Sends everything back.
    Echo,
    /// Sends messages of its own, and compares what comes back.
    Source {
        ahead: Messages,
        expected: Messages,
    },
}

impl<S: Spoken> Protocol for Peer<S> {
    type Framing = S::Framing;
    type Factory = Hall<S>;

    fn framing() -> S::Framing {
        S::framing()
    }

    fn frame_received(&mut self, cx: &Context<Self>, frame: &[u8]) {
        match &mut self.role {
            Role::Echo => cx.send(frame),
            Role::Source { ahead, expected } => {
                if expected.next().as_deref() != Some(frame) {
                    return cx.fail(Failure::message("a message came back changed"));
                }
                cx.factory().returned.fetch_add(1, Ordering::Relaxed);
                match ahead.next() {
                    Some(message) => cx.send(message),
                    None if expected.left() == 0 => cx.lose_connection(),
                    None => {}
                }
            }
            Role::Unknown if frame == b"source" => {
                let (mut ahead, expected) = (Messages::new::<S>(), Messages::new::<S>());
                ahead.by_ref().take(WINDOW).for_each(|message| cx.send(message));
                self.role = Role::Source { ahead, expected };
            }
            Role::Unknown => self.role = Role::Echo,
        }
    }
}

/// The server's messages: mostly short ones, some longer, and again and again an empty and a longest one.
struct Messages {
    random: Rng,
    longest: usize,
    numbers: std::ops::Range<usize>,
}

impl Messages {
    fn new<S: Spoken>() -> Self {
        Self { random: Rng::with_seed(SEED), longest: S::LONGEST, numbers: 0..MESSAGES }
    }

    fn left(&self) -> usize {
        self.numbers.len()
    }
}

impl Iterator for Messages {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let number = self.numbers.next()?;
        let upper = self.random.choice([4, 60, 60, 60, 1000]).expect("one of them");
        let length = match number {
            _ if number % 500 == 0 => self.longest,
            _ if number % 97 == 0 => 0,
            _ => self.random.usize(..upper),
        };
        let mut message: Vec<u8> = (0..length).map(|_| self.random.u8(..)).collect();
        // A line cannot contain CRLF; CR and LF alone it can.
        for at in 1..length {
            if message[at - 1..=at] == *b"\r\n" {
                message[at] = b'.';
            }
        }
        Some(message)
    }
}
