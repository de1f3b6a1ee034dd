//! The network cuts a stream wherever it likes; a protocol must not notice.

use std::ops::Range;

use super::Server;
use crate::protocol::Factory;

/// Checks that a conversation does not depend on how the network cuts what the client sends: whole, byte by byte, at
/// every split into two, and at seeded random splits. What is compared is all that the server sends, and whether it
/// hangs up.
///
/// # Panics
/// If a conversation differs; the message shows both and the cuts.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Echo;
///
/// #[protocol]
/// impl Echo {
///     #[on(line)]
///     fn echo(&mut self, cx: &Context<Self>, line: &str) {
///         cx.send(line);
///     }
/// }
///
/// twisty::testing::verify_chunking(Echo::factory, "one\r\ntwo\r\nthr");
/// ```
pub fn verify_chunking<F: Factory>(factory: impl Fn() -> F, input: impl AsRef<[u8]>) {
    let input = input.as_ref();
    let whole = Conversation::hold(factory(), input, &[]);
    for cuts in all_cuts(input.len()) {
        let cut = Conversation::hold(factory(), input, &cuts);
        assert_eq!(cut, whole, "cut at {cuts:?} (left) the conversation differs from the whole (right)");
    }
}

#[derive(Debug, PartialEq)]
struct Conversation {
    sent: String,
    connected: bool,
}

impl Conversation {
    fn hold<F: Factory>(factory: F, input: &[u8], cuts: &[usize]) -> Self {
        let server = Server::new(factory);
        let client = server.connect();
        for chunk in chunks(input.len(), cuts) {
            client.receive(&input[chunk]);
        }
        Self { sent: client.sent_bytes().escape_ascii().to_string(), connected: client.is_connected() }
    }
}

fn chunks(length: usize, cuts: &[usize]) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(length));
    starts.zip(ends).map(|(start, end)| start..end)
}

fn all_cuts(length: usize) -> impl Iterator<Item = Vec<usize>> {
    const RANDOM: u64 = 64;
    let byte_by_byte = std::iter::once((1..length).collect());
    let in_two = (1..length).map(|cut| vec![cut]);
    let random = (0..RANDOM).map(move |seed| random_cuts(length, seed));
    byte_by_byte.chain(in_two).chain(random)
}

/// Cuts some bytes apart: few in one seed, many in the next.
fn random_cuts(length: usize, seed: u64) -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(seed);
    let spacing = random.usize(2..=16);
    (1..length).filter(|_| random.usize(..spacing) == 0).collect()
}
