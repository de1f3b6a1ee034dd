//! Forms that are allowed besides the usual ones.
use twisty::prelude::*;

mod states {
    #[derive(Default)]
    pub struct First;
    pub struct Second(pub u8);
}

use states::{First, Second};

#[derive(Default)]
#[protocol(length_prefixed(u16, big_endian,), max_length = LONGEST,)]
enum Spread {
    #[default]
    Only,
}

const LONGEST: usize = 1 << 10;

#[state_machine(First, Second,)]
impl Spread {
    const HELLO: &'static str = "hello";

    /// A handler with documentation, a visibility and a qualifier.
    #[on(connect,)]
    #[must_use]
    pub(crate) const fn hello(self: &Self) -> &'static str {
        Self::HELLO
    }

    #[on(frame in First, to = (Second))]
    #[on(timeout(0.5h) in First)]
    fn begin(self: &mut Self) -> Option<Box<str>> {
        Self::helper(1)
    }

    #[on(frame in Second)]
    fn number<'a>(&mut self, number: &'a [u8], Second(known): &mut Second, _: &twisty::Context<Self>) -> (states::First, ()) {
        *known += number.len() as u8;
        (First, ())
    }

    #[on(disconnect in Second)]
    fn end(&mut self, Second(_known): Second) -> () {}

    fn helper(n: u8) -> Option<Box<str>> {
        (n == 0).then(|| "".into())
    }
}

fn main() {
    assert_eq!(Spread::diagram().transitions.len(), 3);
}
