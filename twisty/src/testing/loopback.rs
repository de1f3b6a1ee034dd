//! Two protocols that talk to each other.

use std::cell::{Ref, RefMut};
use std::fmt;
use std::time::Duration;

use super::{Client, Server};
use crate::protocol::{Factory, IntoShared};

/// A connection in memory with a protocol at each end.
///
/// Bytes move when [`pump`](Self::pump) is called. Twisted's counterpart: `iosim.IOPump`.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::Loopback;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Answer;
///
/// #[protocol]
/// impl Answer {
///     #[on(line)]
///     fn answer(&mut self, _question: &str) -> &'static str {
///         "Fine"
///     }
/// }
///
/// #[factory(protocol = Ask)]
/// #[derive(Default)]
/// struct Answers {
///     heard: Vec<String>,
/// }
///
/// #[protocol(line, factory = Answers)]
/// #[derive(Default)]
/// struct Ask;
///
/// #[protocol]
/// impl Ask {
///     #[on(connect)]
///     fn ask(&mut self) -> &'static str {
///         "How are you?"
///     }
///
///     #[on(line)]
///     fn hear(&mut self, cx: &Context<Self>, answer: String) {
///         cx.factory_mut().heard.push(answer);
///         cx.lose_connection();
///     }
/// }
///
/// let line = Loopback::new(Answer::factory(), Ask::factory());
/// line.pump();
/// assert_eq!(line.right().heard, ["Fine"]);
/// assert!(!line.is_connected());
/// ```
pub struct Loopback<L: Factory, R: Factory> {
    left: (Server<L>, Client<L>),
    right: (Server<R>, Client<R>),
}

impl<L: Factory, R: Factory> Loopback<L, R> {
    /// Connects a protocol of `left` with one of `right`; nothing has moved between them yet.
    ///
    /// # Panics
    /// If the `start` of a factory answers an error.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self) -> &'static str { "hello" }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// let line = twisty::testing::Loopback::new(Side::default(), Side::default());
    /// assert!(line.is_connected());
    /// assert!(line.left().heard.is_empty());
    /// ```
    pub fn new(left: impl IntoShared<L>, right: impl IntoShared<R>) -> Self {
        let (left, right) = (Server::new(left), Server::new(right));
        let (left_end, right_end) = (left.connect(), right.connect());
        Self { left: (left, left_end), right: (right, right_end) }
    }

    /// Moves what both ends have sent to the other, until neither sends any more.
    ///
    /// # Panics
    /// If the two talk without end: after 100000 rounds.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self) -> &'static str { "hello" }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// let line = twisty::testing::Loopback::new(Side::default(), Side::default());
    /// line.pump();
    /// assert_eq!(line.left().heard, ["hello"]);
    /// assert_eq!(line.right().heard, ["hello"]);
    /// ```
    pub fn pump(&self) {
        const ROUNDS: usize = 100_000;
        let quiet = (0..ROUNDS).any(|_| !(carry(&self.left.1, &self.right.1) | carry(&self.right.1, &self.left.1)));
        assert!(quiet, "the two ends still talk after {ROUNDS} rounds");
    }

    /// Lets time pass at both ends, then pumps.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(timeout(30s))]
    /// #     fn ask(&mut self) -> &'static str { "still there?" }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// let line = twisty::testing::Loopback::new(Side::default(), Side::default());
    /// line.advance(Duration::from_secs(30)); // both have `#[on(timeout(30s))]`
    /// assert_eq!(line.left().heard, ["still there?"]);
    /// assert_eq!(line.right().heard, ["still there?"]);
    /// ```
    pub fn advance(&self, time: Duration) {
        self.left.0.advance(time);
        self.right.0.advance(time);
        self.pump();
    }

    /// The factory of the left end.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { greeting: &'static str, heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self, cx: &Context<Self>) -> &'static str { cx.factory().greeting }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// # let side = |greeting| Side { greeting, heard: Vec::new() };
    /// let line = twisty::testing::Loopback::new(side("I am left"), side("I am right"));
    /// line.pump();
    /// assert_eq!(line.left().heard, ["I am right"]);
    /// ```
    #[must_use]
    pub fn left(&self) -> Ref<'_, L> {
        self.left.0.factory()
    }

    /// The factory of the left end, to change.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self) -> &'static str { "hello" }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// let line = twisty::testing::Loopback::new(Side::default(), Side::default());
    /// line.pump();
    /// assert_eq!(line.left_mut().heard.pop().as_deref(), Some("hello"));
    /// ```
    #[must_use]
    pub fn left_mut(&self) -> RefMut<'_, L> {
        self.left.0.factory_mut()
    }

    /// The factory of the right end.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { greeting: &'static str, heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self, cx: &Context<Self>) -> &'static str { cx.factory().greeting }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// # let side = |greeting| Side { greeting, heard: Vec::new() };
    /// let line = twisty::testing::Loopback::new(side("I am left"), side("I am right"));
    /// line.pump();
    /// assert_eq!(line.right().heard, ["I am left"]);
    /// ```
    #[must_use]
    pub fn right(&self) -> Ref<'_, R> {
        self.right.0.factory()
    }

    /// The factory of the right end, to change.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Voice)] #[derive(Default)] struct Side { heard: Vec<String> }
    /// # #[protocol(line, factory = Side)] #[derive(Default)] struct Voice;
    /// # #[protocol] impl Voice {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self) -> &'static str { "hello" }
    /// #     #[on(line)]
    /// #     fn hear(&mut self, cx: &Context<Self>, line: String) { cx.factory_mut().heard.push(line); }
    /// # }
    /// let line = twisty::testing::Loopback::new(Side::default(), Side::default());
    /// line.pump();
    /// assert_eq!(line.right_mut().heard.pop().as_deref(), Some("hello"));
    /// ```
    #[must_use]
    pub fn right_mut(&self) -> RefMut<'_, R> {
        self.right.0.factory_mut()
    }

    /// Whether both ends are connected.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Brief;
    /// # #[protocol] impl Brief {
    /// #     #[on(connect)]
    /// #     fn greet(&mut self) -> &'static str { "hello" }
    /// #     #[on(line)]
    /// #     fn part(&mut self, cx: &Context<Self>) { cx.lose_connection(); }
    /// # }
    /// let line = twisty::testing::Loopback::new(Brief::factory(), Brief::factory());
    /// assert!(line.is_connected());
    /// line.pump(); // each says hello, and hangs up when it is said
    /// assert!(!line.is_connected());
    /// ```
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.left.1.is_connected() && self.right.1.is_connected()
    }
}

/// Brings bytes, or the end, from one side to the other; false if there was nothing.
fn carry<A: Factory, B: Factory>(from: &Client<A>, to: &Client<B>) -> bool {
    let bytes = from.take_sent();
    let mut moved = !bytes.is_empty();
    if moved {
        to.receive(bytes);
    }
    if from.is_connected() && from.write_side_is_closed() && !to.has_closed_its_side() {
        moved = true;
        to.half_close();
    }
    if !from.is_connected() && to.is_connected() {
        moved = true;
        if from.is_aborted() { to.reset() } else { to.disconnect() }
    }
    moved
}

impl<L: Factory, R: Factory> fmt::Debug for Loopback<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").field("left", &self.left.1).field("right", &self.right.1).finish()
    }
}
