//! The attributes of twisty: [`macro@protocol`], [`macro@state_machine`], [`macro@on`] and [`macro@factory`]; and its
//! macros for Deferreds: [`chain!`], [`gather!`] and [`race!`]. Use them through that crate; this one only holds them.
//!
//! # Layout
//!
//! An attribute, or a family of macros, is a folder, and is read like a sentence: `parse` (syntax) → `model` (meaning)
//! → `check` (what is wrong, all of it) → `expand` (code; it cannot fail). Whatever runs is in the runtime crate,
//! `expand` only calls it.
//!
//! - `protocol`: `#[protocol(…)]` on a struct.
//! - `state_machine`: impl blocks with handlers, also those of `#[protocol]`, a machine without states. Beside the
//!   four: `event` (the words of `#[on(…)]`), `guess` (misspelt states), `graph` (states and what leads from one to
//!   another), `signature` (what a handler may look like), `dispatch` and `call` (the methods of `Protocol` and the
//!   calls in them). `#[on(…)]` itself only says where it belongs.
//! - `datagram`: `#[protocol(datagram, …)]` on a struct, and impl blocks with the events of datagrams.
//! - `factory`: `#[factory(…)]` on a struct.
//! - `deferred`: `chain! { … }`. Beside the four: `body` (what can be seen in a body without knowing types), `several`
//!   (`gather!` and `race!`).
//! - `keys`, `duration`, `generics`, `names`, `nearest`, `errors`, `spans`: what they share.

mod datagram;
mod deferred;
mod duration;
mod errors;
mod factory;
mod generics;
mod keys;
mod names;
mod nearest;
mod protocol;
#[cfg(test)]
mod snapshots;
mod spans;
mod state_machine;

use proc_macro::TokenStream;

/// Makes a struct a protocol: on the struct it declares the framing, on an impl block it finds the handlers.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line, max_length = 512, idle_timeout = 60s)]
/// #[derive(Default)]
/// struct Shout {
///     lines: usize,
/// }
///
/// #[protocol]
/// impl Shout {
///     #[on(connect)]
///     fn greet(&mut self, cx: &Context<Self>) -> String {
///         format!("hello, {}", cx.peer())
///     }
///
///     #[on(line)]
///     fn shout(&mut self, line: &str) -> String {
///         self.lines += 1;
///         line.to_uppercase()
///     }
///
///     #[on(disconnect)]
///     fn report(&mut self, reason: Failure) {
///         println!("{} lines, then {reason}", self.lines);
///     }
/// }
///
/// let server = twisty::testing::Server::new(Shout::factory());
/// assert!(server.connect().receive("hey\r\n").sent().ends_with("\r\nHEY\r\n"));
/// ```
///
/// # On a struct: `#[protocol(FRAMING, key = value, …)]`
///
/// | FRAMING | a frame is | its event |
/// |---|---|---|
/// | `datagram` | no stream at all, see [below](#datagrams-protocoldatagram-key--value-) | `datagram` |
/// | `raw` | what one read brought | `data` |
/// | `line` | a line | `line` |
/// | `netstring` | a netstring, `5:hello,` | `string` |
/// | `int8`, `int16`, `int32` | a string behind its length, big-endian | `string` |
/// | `length_prefixed(u24, little_endian)` | the same; widths are `u8` `u16` `u24` `u32` `u64`, orders `big_endian` (default) and `little_endian` | `string` |
/// | a type of yours, `Records` or `my::records` | what your `Framing` says; it is made by its `Default` | `frame` |
///
/// | key | value | default |
/// |---|---|---|
/// | `factory` | the type of its factory | `ForProtocol<Self>` |
/// | `delimiter` | what ends a line: `b"\n"`, `"\n"`, `'\n'` or an expression | `b"\r\n"` |
/// | `max_length` | bytes of the longest frame (not for `raw` and your own) | 16384 for lines, else 99999 |
/// | `idle_timeout` | ends a connection on which nothing moves for so long | never |
/// | `max_age` | ends a connection that is so old | never |
/// | `frame_timeout` | how long a frame that has begun may take for a start | `60s` |
/// | `min_progress` | bytes of it that give it another second; 0 demands nothing | 500 |
/// | `close_timeout` | how long what is sent may take after `lose_connection` | `30s` |
/// | `high_water` | bytes that may wait to be written before nothing more is read | 64 KiB |
/// | `low_water` | bytes that may still wait when reading goes on and `drain` comes | half of `high_water` |
/// | `outbox_limit` | bytes that may wait to be written at all | 16 MiB |
/// | `max_pending_replies` | Deferred replies that may be waited for before nothing more is read | 64 |
/// | `slow_consumer` | what becomes of a peer over its `high_water` when something is broadcast: `queue` it, `drop` it, or `disconnect` the peer | `queue` |
///
/// Durations are written `500ms`, `30s`, `1.5s`, `5min` or `1h`.
///
/// # On an impl block: `#[protocol]`, and `#[on(EVENT)]` on each handler
///
/// | EVENT | comes | brings |
/// |---|---|---|
/// | `connect` | first | nothing |
/// | `data`, `line`, `string` | with each frame, by the name that the framing has for it | the frame |
/// | `frame` | with each frame, whatever the framing calls it | the frame |
/// | `raw` | in the raw mode of `line` | the bytes |
/// | `overlong` | when a frame is longer than `max_length`; then the connection closes | `Overlong` |
/// | `timeout(30s)` | when no frame came for so long, again and again | nothing |
/// | `drain` | when more than `high_water` was queued, and `low_water` is left | nothing |
/// | `eof` | when the peer sends nothing more; without a handler the connection closes then, with one it is open until a handler closes it | nothing |
/// | `write_lost` | when our side is closed, after `lose_write_connection` | nothing |
/// | `disconnect` | last | `Failure`, the reason |
///
/// A handler takes `&mut self` or `&self`, and in any order what it needs of:
///
/// - `&Context<Self>`: its connection,
/// - the frame or the bytes, as any type that implements `FromFrame`: `&[u8]`, `&str`, `String`, `Vec<u8>`, `Bytes`, a
///   number, a type of yours. A frame that is none ends the connection; take `Result<T, InvalidFrame>` to answer it,
/// - what else the event brings.
///
/// It returns an `Outcome`: nothing, a reply, several (`Vec`, array, `impl Iterator`), an `Option` of these, a
/// `Result`, whose `Err` is a reply too or the `Failure` that ends the connection, or a `Deferred` of any of these, which
/// is answered when it fires.
///
/// A protocol listens: without a handler for its frames it is refused, unless one of its handlers hangs up
/// (`lose_connection`, `abort_connection`, `fail`). All handlers stand in one impl block; other functions may stand
/// there too.
///
/// # Datagrams: `#[protocol(datagram, key = value, …)]`
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(datagram, max_length = 512)]
/// #[derive(Default)]
/// struct Adder {
///     sum: i64,
/// }
///
/// #[protocol]
/// impl Adder {
///     #[on(datagram)]
///     fn add(&mut self, number: i64, from: &Address) -> String {
///         self.sum += number;
///         format!("{from} makes it {}", self.sum)
///     }
/// }
///
/// let server = twisty::testing::DatagramServer::new(Adder::default());
/// assert_eq!(server.receive("10.0.0.2:5000", "42").sent_to("10.0.0.2:5000"), ["udp:10.0.0.2:5000 makes it 42"]);
/// ```
///
/// One value of the struct is all of a port: `reactor.listen_datagrams(endpoint, Adder::default())`. There is no factory.
///
/// | key | value | default |
/// |---|---|---|
/// | `max_length` | bytes of the longest datagram that is handled; longer ones are dropped | 65535 |
/// | `max_queue` | bytes that may wait for the system to take them; what is sent beyond is dropped | 256 KiB |
/// | `max_pending_replies` | Deferred replies that may be waited for; what comes meanwhile is dropped | 1024 |
///
/// | EVENT | comes | brings |
/// |---|---|---|
/// | `start` | first | nothing |
/// | `datagram` | with each datagram, also an empty one | its bytes, and `&Address`: who sent it |
/// | `refused` | when nobody listens where a connected port sends to | nothing |
/// | `stop` | last | nothing |
///
/// A handler takes `&DatagramContext<Self>`, the datagram as any type that implements `FromFrame`, and `&Address` or
/// `Address`. What it returns is sent to who sent the datagram, or by other handlers to the peer of a connected port:
/// nothing, a reply, several, an `Option`, a `Result` or a `Deferred`. A `Failure`, a panic and a datagram that is not of the
/// handler's type are reported, and the port stays open. There are no states.
///
/// # The code it writes
///
#[doc = concat!(
    "````rust,ignore\n",
    include_str!("../tests/expand/echo.rs"),
    "````\n\nbecomes\n\n````rust,ignore\n",
    include_str!("../tests/expand/echo.expanded.rs"),
    "````\n",
)]
#[proc_macro_attribute]
pub fn protocol(arguments: TokenStream, item: TokenStream) -> TokenStream {
    protocol::attribute(arguments.into(), &item.into()).into()
}

/// Makes an impl block with handlers a machine: which handler runs depends on the state that the connection is in.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Login;
///
/// #[derive(Default)]
/// struct Stranger;
/// struct Known {
///     name: String,
/// }
///
/// #[state_machine(Stranger, Known)] // the first one is where a connection starts
/// impl Login {
///     #[on(line in Stranger)]
///     fn name(&mut self, name: String) -> Result<(&'static str, Known), &'static str> {
///         if name.is_empty() {
///             return Err("Your name?"); // sent; the state stays
///         }
///         Ok(("Hello!", Known { name })) // sent, then the next state
///     }
///
///     #[on(line in Known)]
///     fn talk(&mut self, me: &Known, line: &str) -> String {
///         format!("{} said {line}", me.name)
///     }
///
///     #[on(timeout(30s) in Stranger)]
///     fn hurry(&mut self, cx: &Context<Self>) {
///         cx.lose_connection();
///     }
/// }
///
/// let server = twisty::testing::Server::new(Login::factory());
/// let client = server.connect();
/// client.receive("\r\nAda\r\nhi\r\n");
/// assert_eq!(client.sent(), "Your name?\r\nHello!\r\nAda said hi\r\n");
/// ```
///
/// # `#[state_machine(First, Second, …)]`
///
/// The states are types of your own, each named once; what a state knows lives in it. The first one has a `Default`.
///
/// # `#[on(EVENT in STATE, to = NEXT)]`
///
/// The events are those of [`macro@protocol`], and so is what a handler takes and returns, with this added:
///
/// | | |
/// |---|---|
/// | `in Second` | the state that the handler is for |
/// | `in First \| Second` | several |
/// | `in _`, or nothing | every state that has no handler of its own for this event |
/// | `to = Second`, `to = (First, Second)` | the next states, where the return type does not name them: an alias hides them |
///
/// A handler for one state can take it, as `&Second`, `&mut Second` or by value; by value only if a next state follows
/// whatever happens, and at once. It leads to the next state by returning it: `Second`, `(reply, Second)`, or an
/// `Option`, `Result` or `Deferred` of these. An event without a handler in the present state passes, but frames must have one in every state,
/// or `raw` must: then a frame that comes there is reported.
///
/// The graph of the states is known at compile time, and stands in the documentation of the impl block. A state that
/// nothing leads to, one without a handler for frames, two handlers for the same, and a handler that never runs are
/// refused. `P::diagram()` gives the graph as Mermaid or DOT.
///
/// # The code it writes
///
#[doc = concat!(
    "````rust,ignore\n",
    include_str!("../tests/expand/door.rs"),
    "````\n\nbecomes\n\n````rust,ignore\n",
    include_str!("../tests/expand/door.expanded.rs"),
    "````\n",
)]
#[proc_macro_attribute]
pub fn state_machine(arguments: TokenStream, item: TokenStream) -> TokenStream {
    state_machine::attribute(arguments.into(), &item.into()).into()
}

/// Marks a function as the handler of an event, in an impl block with [`macro@protocol`] or [`macro@state_machine`].
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Echo;
///
/// #[protocol] // reads each `#[on(…)]` in the block
/// impl Echo {
///     #[on(line)]
///     fn echo(&mut self, line: String) -> String {
///         line
///     }
/// }
/// ```
///
/// The events are `connect`, `data`, `line`, `string`, `frame`, `raw`, `overlong`, `timeout(30s)` and `disconnect`, and of
/// datagrams `start`, `datagram`, `refused` and `stop`; what each brings, and what a handler takes and returns, stands at [`macro@protocol`]. `#[on(EVENT in STATE, to = NEXT)]`
/// belongs to a [`macro@state_machine`]. Anywhere else this attribute is refused:
///
/// ```compile_fail
/// # use twisty::prelude::*;
/// # struct Echo;
/// impl Echo {
///     #[on(line)] // the block has no `#[protocol]`
///     fn echo(&mut self, line: String) -> String {
///         line
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn on(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    state_machine::stray_on(&item.into()).into()
}

/// Makes a struct a factory: what builds a protocol for each connection, and what they share.
///
/// ```
/// use twisty::prelude::*;
///
/// #[factory(protocol = Visit, build = Self::admit, start = Self::open)]
/// struct Museum {
///     visitors: u32,
/// }
///
/// impl Museum {
///     fn open(&mut self) {
///         println!("open, so far {} were here", self.visitors);
///     }
///
///     fn admit(&mut self, _peer: &twisty::Address) -> Visit {
///         self.visitors += 1;
///         Visit { number: self.visitors }
///     }
/// }
///
/// #[protocol(line, factory = Museum)]
/// struct Visit {
///     number: u32,
/// }
///
/// #[protocol]
/// impl Visit {
///     #[on(line)]
///     fn answer(&mut self, cx: &Context<Self>) -> String {
///         format!("you are {} of {}", self.number, cx.factory().visitors)
///     }
/// }
///
/// let server = twisty::testing::Server::new(Museum { visitors: 41 });
/// assert_eq!(server.connect().receive("?\r\n").sent(), "you are 42 of 42\r\n");
/// ```
///
/// # `#[factory(key = value, …)]`
///
/// | key | value | default |
/// |---|---|---|
/// | `protocol` | the type of its protocols, which names this one in `#[protocol(…, factory = …)]` | required |
/// | `build` | the path of a `fn(&mut self, &Address) -> P`, or `-> Option<P>` to refuse connections | `P::default()` |
/// | `start` | the path of a `fn(&mut self)`, or `-> Result<(), E>`; called before the first port opens | nothing |
/// | `stop` | the path of a `fn(&mut self)`; called after the last port and connection | nothing |
/// | `max_connections` | an expression, which may use `self`; connections of ports beyond are closed at once, a client's are not limited | 16384 |
/// | `max_connections_per_peer` | the same, of one peer: an IPv4 address, an IPv6 network of 64 bits, or this machine | no limit |
/// | `connecting` | the path of a `fn(&mut self, &Connector)`; called before each attempt of a client | nothing |
/// | `failed` | the path of a `fn(&mut self, &Connector, &Failure)`; called when an attempt has failed | nothing |
/// | `lost` | the same; called when a client's connection has ended | nothing |
/// | `reconnect`, `reconnect(…)` | a client connects again by itself, after delays that grow | it does not |
///
/// In the parentheses of `reconnect`, all of them as [`Backoff`](../twisty/client/struct.Backoff.html) has them:
///
/// | key | value | default |
/// |---|---|---|
/// | `initial` | the first delay: `500ms`, `1s` | `1s` |
/// | `max` | the longest delay | `1h` |
/// | `factor` | how many times as long as the last one a delay is, at least 1 | 2.718… |
/// | `jitter` | what part of a delay is left to chance, from 0 to 1 | 0.12 |
/// | `retries` | how often in a row to try again | without end |
/// | `reset_after` | how long a connection must have lasted for the next delay to be the first one | `30s` |
///
/// # The code it writes
///
#[doc = concat!(
    "````rust,ignore\n",
    include_str!("../tests/expand/room.rs"),
    "````\n\nbecomes\n\n````rust,ignore\n",
    include_str!("../tests/expand/room.expanded.rs"),
    "````\n",
)]
#[proc_macro_attribute]
pub fn factory(arguments: TokenStream, item: TokenStream) -> TokenStream {
    factory::attribute(arguments.into(), &item.into()).into()
}

/// Makes a Deferred in steps: what to wait for, and what to do then.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::Clock;
///
/// fn poem(title: Deferred<String>, clock: &Clock) -> Deferred<String> {
///     chain! {
///         title;
///         then |title| std::fs::read_to_string(format!("poems/{title}"));
///         timeout 5s on clock;
///         catch |late: TimeoutError| format!("no poem within {:?}", late.limit);
///         catch |_| "no poem".to_owned();
///         then |poem| {
///             let lines: Vec<_> = poem.lines().map(str::trim).collect();
///             lines.join("\n")
///         }
///         finally |poem| println!("over, and {}", if poem.is_ok() { "well" } else { "badly" });
///     }
/// }
///
/// let (resolver, title) = Deferred::new();
/// let poem = poem(title, &Clock::new());
/// resolver.callback("there is none".into());
/// assert_eq!(poem.into_result().expect("it has fired").unwrap(), "no poem");
/// ```
///
/// First comes the source, then any number of steps, which happen in this order. The value is a
/// [`Deferred`](../twisty/struct.Deferred.html).
///
/// | | gets | may make |
/// |---|---|---|
/// | `source;` | | a value, a `Result` or a Deferred |
/// | `then \|value\| …;` | the value | the next value, a `Result` or a Deferred of it |
/// | `catch \|why: TimeoutError\| …;` | the error, if it is of this type; other failures pass | what the value is, or a `Result` or Deferred of it |
/// | `catch \|why\| …;` | any [`Failure`](../twisty/struct.Failure.html) | the same |
/// | `timeout 5s;` | | |
/// | `finally \|result\| …;` | `Result<&T, &Failure>`, whatever it is | nothing, a `Result` or a Deferred: its failure replaces the result, and a Deferred is waited for |
///
/// A step is skipped that is not for what came out of the one above: a failure passes each `then`, and a value each
/// `catch`. A step that fails or panics hands a failure to those below it.
///
/// # In a body
///
/// - `?` leads out of the step, with any error that becomes a `Failure`. It does so in any body, also in one that ends
///   with a value or a Deferred and not with `Ok(…)`. The `?` of a source belongs to the function around it.
/// - `return` leaves the body. In one that uses `?` as well, all ends are `Result<_, Failure>`s.
/// - Variables can be used in several steps: the last one that needs it takes it along. A `timeout` divides the chain;
///   what stands above owns what it uses, so that a variable for both sides is cloned before.
/// - The types are found as in any closure, and can be written: `then |(a, b): (u8, u8)| -> u16 { … }`. Where nothing
///   says of which type a value is, as in `Ok(text.parse()?)`, write it: `text.parse::<u16>()`.
/// - Behind a body that is a block, the `;` may be missing. `move` means nothing here.
///
/// # `timeout`
///
/// What stands above must be over so long after the chain was made, else it is cancelled, and fails with
/// `TimeoutError`. The duration is written as in [`macro@protocol`], or an expression that makes one:
/// `timeout self.patience`. The clock is that of the reactor that runs, or another one: `timeout 5s on &clock`.
///
/// # Twisted's names
///
/// `then` is `addCallback`, `catch` is `addErrback` with `Failure.trap`, `finally` is `addBoth` that returns what it was
/// given, `timeout` is `addTimeout`.
///
/// # What it costs
///
/// As long as nothing needs to be waited for, nothing: no allocation, and the steps are called one after the other.
/// Waiting for the source, or for a Deferred that a step returns, takes one allocation, however many steps follow; and one
/// more where the source was there already, as with `add_callback`.
///
/// # The code it writes
///
#[doc = concat!(
    "````rust,ignore\n",
    include_str!("../tests/expand/chain.rs"),
    "````\n\nbecomes\n\n````rust,ignore\n",
    include_str!("../tests/expand/chain.expanded.rs"),
    "````\n",
)]
#[proc_macro]
pub fn chain(tokens: TokenStream) -> TokenStream {
    deferred::chain(tokens.into()).into()
}

/// Waits for several Deferreds of different types, up to twelve. The value is a Deferred of a tuple.
///
/// ```
/// use twisty::prelude::*;
///
/// let (resolver, name) = Deferred::new();
/// let greeting = gather!(name, 42, "7".parse::<u16>())
///     .map(|(name, age, house): (&str, u8, u16)| format!("{name}, {age}, at number {house}"));
/// resolver.callback("Ann");
/// assert_eq!(greeting.into_result().expect("all are there").unwrap(), "Ann, 42, at number 7");
/// ```
///
/// Each is a Deferred, a `Result` or a value. At the first failure it fails with `FirstError`, which says which one it
/// was; the others run on. Cancelling it cancels all. For many of one type there is the function of the same name; for
/// more than twelve, gather some of them first. (Twisted's `gatherResults`.)
///
/// # The code it writes
///
#[doc = concat!(
    "````rust,ignore\n",
    include_str!("../tests/expand/gather.rs"),
    "````\n\nbecomes\n\n````rust,ignore\n",
    include_str!("../tests/expand/gather.expanded.rs"),
    "````\n",
)]
#[proc_macro]
pub fn gather(tokens: TokenStream) -> TokenStream {
    deferred::gather(tokens.into()).into()
}

/// Takes the first success of several Deferreds, and cancels the others.
///
/// Of one type, `race!(first, second)`:
///
/// ```
/// use twisty::prelude::*;
///
/// let ((_never, slow), (resolver, fast)) = (Deferred::<&str>::new(), Deferred::new());
/// let page = race!(slow, fast);
/// resolver.callback("a page");
/// assert_eq!(page.into_result().expect("one has won").unwrap(), "a page");
/// ```
///
/// Of different types, `race! { PATTERN = deferred => body, … }`; the bodies make the same type:
///
/// ```
/// use twisty::prelude::*;
///
/// let ((_never, page), (resolver, code)) = (Deferred::<String>::new(), Deferred::<u16>::new());
/// let length = race! {
///     text = page => text.len(),
///     _ = code => 0,
/// };
/// resolver.callback(404);
/// assert_eq!(length.into_result().expect("one has won").unwrap(), 0);
/// ```
///
/// Each is a Deferred, a `Result` or a value, and so is what a body makes; in a body stands what may stand in one of
/// [`chain!`]. The others are cancelled before the body of the winner runs. A failure wins nothing: if all have failed,
/// so has the race, with a `FailureGroup`. Cancelling it cancels all. (Twisted's `race`.)
///
/// # The code it writes
///
#[doc = concat!(
    "````rust,ignore\n",
    include_str!("../tests/expand/race.rs"),
    "````\n\nbecomes\n\n````rust,ignore\n",
    include_str!("../tests/expand/race.expanded.rs"),
    "````\n",
)]
#[proc_macro]
pub fn race(tokens: TokenStream) -> TokenStream {
    deferred::race(tokens.into()).into()
}
