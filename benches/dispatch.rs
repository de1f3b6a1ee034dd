//! Lines to handlers, by state and with typed arguments: a `match` by hand, statig and `#[state_machine]`.
//!
//! Run: `cargo bench -p benches --bench dispatch`
//!
//! A clerk hears of transfers: an account (`u32`), an amount (`u32`), then `yes` or `no` (`&str`), and from the start
//! again. Each of the three states takes its line and carries on what it knows. Nothing is replied; the sum of what was
//! transferred is checked. The lines come in chunks of about 8 KiB, whose ends are ends of lines. Times are per line,
//! allocations those of a whole piece of work.
//!
//! What a handler is called with, its `Context`, exists only within a connection, so twisty's dispatch cannot be driven
//! alone. All ways split lines, therefore: twisty in its connection, in a `testing::Server`, the others with `memchr`.
//! What only that takes is measured too, with handlers that count: "no dispatch". The cost of dispatch is the difference
//! of the two ways by hand, and of the two of twisty. The testing server, as its network, allocates for each chunk.
//!
//! - A line that is no number, or no UTF-8, ends the conversation; with twisty, the connection.
//! - statig tells states apart, but knows nothing of arguments: its handlers parse the line as the `match` does.

use std::cell::Cell;
use std::rc::Rc;

use benches::Result;
use benches::aim::Aim;
use benches::contest::Contest;
use benches::options::Options;
use memchr::memchr_iter;
use twisty::prelude::*;
use twisty::testing::Server;

/// As many as fill about 8 KiB.
const TRANSFERS: u32 = 400;
/// Chunks in a piece of work.
const CHUNKS: usize = 16;

fn main() -> Result {
    let talk = Talk::new();
    let mut contest = Contest::new("dispatch of a line", talk.lines * CHUNKS)
        .way("by hand, match", talk.hear(talk.sum, by_hand()))
        .way("statig", talk.hear(talk.sum, with_statig()))
        .way("twisty, #[state_machine]", talk.hear(talk.sum, with_twisty(|sum| Machine { sum })))
        .aim(Aim::More { most: 5.0, than: 0 })
        .way("by hand, no dispatch", talk.hear(talk.lines as u64, by_hand_without()))
        .way("twisty, no dispatch", talk.hear(talk.lines as u64, with_twisty(|lines| Counter { lines })));
    contest.count_allocations(|work| allocation_counter::measure(work).count_total);
    let mut result = Ok(());
    allocation_counter::opt_out(|| result = Options::parse().hold(&mut [contest]));
    result
}

/// What is said in one chunk.
struct Talk {
    chunk: Rc<[u8]>,
    lines: usize,
    /// Of what is transferred.
    sum: u64,
}

impl Talk {
    fn new() -> Self {
        let (mut chunk, mut sum) = (String::new(), 0);
        for number in 0..TRANSFERS {
            let (account, amount) = (1000 + number, number * number);
            let answer = if number % 3 == 0 { "no" } else { "yes" };
            chunk += &format!("{account}\r\n{amount}\r\n{answer}\r\n");
            sum += if answer == "yes" { transfer(account, amount) } else { 0 };
        }
        Self { chunk: chunk.into_bytes().into(), lines: 3 * TRANSFERS as usize, sum }
    }

    /// The work of a way: it is handed a chunk, and says what all chunks so far add up to.
    fn hear(&self, each: u64, mut hear: impl FnMut(&[u8]) -> Option<u64> + 'static) -> impl FnMut() + 'static {
        let (chunk, mut expected) = (Rc::clone(&self.chunk), 0);
        move || {
            for _ in 0..CHUNKS {
                expected += each;
                assert_eq!(hear(&chunk), Some(expected));
            }
        }
    }
}

/// Depends on both, so that neither can get lost.
fn transfer(account: u32, amount: u32) -> u64 {
    u64::from(account) + u64::from(amount)
}

// ---- by hand

#[derive(Default)]
struct Clerk {
    state: Knows,
    sum: u64,
}

#[derive(Default)]
enum Knows {
    #[default]
    Nothing,
    Account(u32),
    Transfer(u32, u32),
}

impl Clerk {
    fn hear(&mut self, line: &[u8]) -> Option<()> {
        let text = str::from_utf8(line).ok()?;
        self.state = match self.state {
            Knows::Nothing => Knows::Account(text.parse().ok()?),
            Knows::Account(account) => Knows::Transfer(account, text.parse().ok()?),
            Knows::Transfer(account, amount) => {
                if text == "yes" {
                    self.sum += transfer(account, amount);
                }
                Knows::Nothing
            }
        };
        Some(())
    }
}

fn by_hand() -> impl FnMut(&[u8]) -> Option<u64> {
    let mut clerk = Clerk::default();
    move |chunk| {
        for_each_line(chunk, |line| clerk.hear(line))?;
        Some(clerk.sum)
    }
}

fn by_hand_without() -> impl FnMut(&[u8]) -> Option<u64> {
    let mut lines = 0;
    move |chunk| {
        for_each_line(chunk, |_| {
            lines += 1;
            Some(())
        })?;
        Some(lines)
    }
}

#[inline]
fn for_each_line(chunk: &[u8], mut hear: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    let mut start = 0;
    for newline in memchr_iter(b'\n', chunk) {
        let Some(line) = chunk[start..newline].strip_suffix(b"\r") else { continue };
        hear(line)?;
        start = newline + 1;
    }
    Some(())
}

// ---- statig

fn with_statig() -> impl FnMut(&[u8]) -> Option<u64> {
    use statig::blocking::IntoStateMachineExt;

    let mut clerk = statig_clerk::Clerk::default().state_machine();
    move |chunk| {
        for_each_line(chunk, |line| {
            clerk.handle(&statig_clerk::Line(line));
            (!clerk.inner().failed).then_some(())
        })?;
        Some(clerk.inner().sum)
    }
}

/// In a module of its own because statig makes a type `State`.
mod statig_clerk {
    use statig::prelude::*;

    #[derive(Default)]
    pub(super) struct Clerk {
        pub(super) sum: u64,
        pub(super) failed: bool,
    }

    pub(super) struct Line<'a>(pub(super) &'a [u8]);

    impl Line<'_> {
        fn text(&self) -> Option<&str> {
            str::from_utf8(self.0).ok()
        }

        fn number(&self) -> Option<u32> {
            self.text()?.parse().ok()
        }
    }

    #[state_machine(initial = "State::nothing()", state(derive(Debug)))]
    impl Clerk {
        #[state]
        fn nothing(&mut self, event: &Line<'_>) -> Outcome<State> {
            let Some(account) = event.number() else { return self.fail() };
            Transition(State::account(account))
        }

        #[state]
        fn account(&mut self, account: &u32, event: &Line<'_>) -> Outcome<State> {
            let Some(amount) = event.number() else { return self.fail() };
            Transition(State::transfer(*account, amount))
        }

        #[state]
        fn transfer(&mut self, account: &u32, amount: &u32, event: &Line<'_>) -> Outcome<State> {
            let Some(answer) = event.text() else { return self.fail() };
            if answer == "yes" {
                self.sum += super::transfer(*account, *amount);
            }
            Transition(State::nothing())
        }
    }

    impl Clerk {
        fn fail(&mut self) -> Outcome<State> {
            self.failed = true;
            Handled
        }
    }
}

// ---- twisty

#[protocol(line)]
struct Machine {
    sum: Rc<Cell<u64>>,
}

#[derive(Default)]
struct Nothing;
struct Account(u32);
struct Transfer(u32, u32);

#[state_machine(Nothing, Account, Transfer)]
impl Machine {
    #[on(line in Nothing)]
    fn account(&mut self, account: u32) -> Account {
        Account(account)
    }

    #[on(line in Account)]
    fn amount(&mut self, known: &Account, amount: u32) -> Transfer {
        Transfer(known.0, amount)
    }

    #[on(line in Transfer)]
    fn confirm(&mut self, known: &Transfer, answer: &str) -> Nothing {
        if answer == "yes" {
            self.sum.update(|sum| sum + transfer(known.0, known.1));
        }
        Nothing
    }
}

#[protocol(line)]
struct Counter {
    lines: Rc<Cell<u64>>,
}

#[protocol]
impl Counter {
    #[on(line)]
    fn count(&mut self) {
        self.lines.update(|lines| lines + 1);
    }
}

/// `build` makes a protocol that tells what it heard in the cell it is given.
fn with_twisty<P: Protocol<Factory = ForProtocol<P>>>(
    build: fn(Rc<Cell<u64>>) -> P,
) -> impl FnMut(&[u8]) -> Option<u64> {
    let heard = Rc::<Cell<u64>>::default();
    let told = Rc::clone(&heard);
    let client = Server::new(ForProtocol::new(move || build(Rc::clone(&told)))).connect();
    move |chunk| {
        client.receive(chunk);
        Some(heard.get())
    }
}
