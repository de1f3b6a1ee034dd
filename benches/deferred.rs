//! Chains of callbacks: Deferreds against futures, boxed and not, an async function, and plain boxed closures.
//!
//! Run: `cargo bench -p benches --bench deferred`      Shorter: `… --bench deferred -- --quick pending`
//!
//! Each way starts from a number and adds to it once a link; nothing tells the optimizer what is added. A *pending* chain
//! is built before the number is there, then it is fired and its result taken; a *ready* one is built on a number that is
//! there. All of that, from the first allocation to the last drop, is what a chain takes; divided by its links it is the
//! time of the table. The allocations are those of a whole chain.
//!
//! - "futures, boxed" is `.map(…).boxed_local()` once a link, as where a chain's type must not grow. It is polled once,
//!   when its number is there; "polled before" is what an executor does, which polls a task when it is spawned.
//! - Where nothing else is said, a number comes to a future through the least that can work on one thread, an
//!   `Rc` of a cell and a waker, so that the chain is measured, not the channel.
//! - "chain!" is one of that many steps, which share what they add; "async fn" awaits as many times, in a loop.
//! - The allocator counts allocations. While the clock runs it only asks whether it should, which costs all the same.

#![recursion_limit = "1024"]

use std::cell::Cell;
use std::future::{self, Future};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use benches::Result;
use benches::contest::Contest;
use benches::options::Options;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;
use twisty::{Deferred, chain};

/// So many links, of which each changes the type.
macro_rules! unboxed {
    ($number:expr, 1) => { $number.map(link()) };
    ($number:expr, 10) => { unboxed!(ten times 1: $number, . . . . . . . . . .) };
    ($number:expr, 100) => { unboxed!(ten times 10: $number, . . . . . . . . . .) };
    (ten times $links:tt: $number:expr, . $($more:tt)*) => {
        unboxed!(ten times $links: unboxed!($number, $links), $($more)*)
    };
    (ten times $links:tt: $number:expr,) => { $number };
}

/// So many steps of one `chain!`.
macro_rules! chained {
    ($number:expr, 1) => { chained!(steps: $number; n) };
    ($number:expr, 10) => { chained!(steps: $number; n n n n n n n n n n) };
    ($number:expr, 100) => { chained!(ten times: $number; n n n n n n n n n n) };
    (ten times: $number:expr; $($n:ident)*) => {
        chained!(steps: $number; $($n)* $($n)* $($n)* $($n)* $($n)* $($n)* $($n)* $($n)* $($n)* $($n)*)
    };
    (steps: $number:expr; $($n:ident)*) => {{
        let one = black_box(1);
        chain! { $number; $(then move |$n: u64| black_box($n + one);)* }
    }};
}

/// The number comes when the chain is built.
macro_rules! pending {
    ($links:tt) => {
        Contest::new(concat!("pending, links: ", $links), $links)
            .way("futures, boxed", || check($links, fire(|number| boxed(number, $links))))
            .way("futures, unboxed", || check($links, fire(|number| unboxed!(number, $links))))
            .way("twisty, add_callback", || check($links, fire_deferred(|number| callbacks(number, $links))))
            .way("twisty, chain!", || check($links, fire_deferred(|number| chained!(number, $links))))
            .way("futures, boxed, polled before", || check($links, fire_polled(|number| boxed(number, $links))))
            .way("futures, boxed, their oneshot", || check($links, fire_futures($links)))
            .way("async fn, Rc", || check($links, fire(|number| awaits(number, $links))))
            .way("async fn, tokio's oneshot", || check($links, fire_tokio($links)))
            .way("Vec<Box<dyn FnOnce>>", || check($links, Some(closures($links))))
    };
}

/// The number is there before the chain.
macro_rules! ready {
    ($links:tt) => {
        Contest::new(concat!("ready, links: ", $links), $links)
            .way("futures, boxed", || check($links, boxed(future::ready(zero()), $links).now_or_never()))
            .way("futures, unboxed", || check($links, unboxed!(future::ready(zero()), $links).now_or_never()))
            .way("twisty, add_callback", || check($links, take(callbacks(Deferred::succeed(zero()), $links))))
            .way("twisty, chain!", || check($links, take(chained!(Deferred::succeed(zero()), $links))))
            .way("async fn", || check($links, awaits(future::ready(zero()), $links).now_or_never()))
    };
}

fn main() -> Result {
    let mut contests = [pending!(1), pending!(10), pending!(100), ready!(1), ready!(10), ready!(100)];
    for contest in &mut contests {
        contest.count_allocations(|work| allocation_counter::measure(work).count_total);
    }
    let mut result = Ok(());
    allocation_counter::opt_out(|| result = Options::parse().hold(&mut contests));
    result
}

// ---- the chains

fn callbacks(mut number: Deferred<u64>, links: u64) -> Deferred<u64> {
    for _ in 0..links {
        let link = link();
        number = number.add_callback(move |number| Ok(link(number)));
    }
    number
}

fn boxed(number: impl Future<Output = u64> + 'static, links: u64) -> LocalBoxFuture<'static, u64> {
    let mut number = number.map(link()).boxed_local();
    for _ in 1..links {
        number = number.map(link()).boxed_local();
    }
    number
}

async fn awaits(number: impl Future<Output = u64>, links: u64) -> u64 {
    let mut number = number.await;
    for _ in 0..links {
        let link = link();
        number = async move { link(number) }.await;
    }
    number
}

/// Built, then called.
fn closures(links: u64) -> u64 {
    let mut chain = Vec::<Box<dyn FnOnce(u64) -> u64>>::new();
    for _ in 0..links {
        chain.push(Box::new(link()));
    }
    black_box(&mut chain);
    chain.into_iter().fold(zero(), |number, link| link(number))
}

// ---- how they are fired, and what comes out

fn fire_deferred(chain: impl FnOnce(Deferred<u64>) -> Deferred<u64>) -> Option<u64> {
    let (resolver, number) = Deferred::new();
    let chain = chain(number);
    resolver.callback(zero());
    take(chain)
}

fn take(chain: Deferred<u64>) -> Option<u64> {
    chain.into_result().ok()?.ok()
}

fn fire<F: Future<Output = u64>>(chain: impl FnOnce(Later) -> F) -> Option<u64> {
    let number = Rc::<Number>::default();
    let chain = chain(Later(Rc::clone(&number)));
    number.set(zero());
    chain.now_or_never()
}

fn fire_polled<F: Future<Output = u64>>(chain: impl FnOnce(Later) -> F) -> Option<u64> {
    let number = Rc::<Number>::default();
    let mut chain = pin!(chain(Later(Rc::clone(&number))));
    let too_early = chain.as_mut().now_or_never();
    assert_eq!(too_early, None);
    number.set(zero());
    chain.now_or_never()
}

fn fire_futures(links: u64) -> Option<u64> {
    let (sender, number) = futures_channel::oneshot::channel();
    let chain = boxed(number.map(Result::unwrap_or_default), links);
    sender.send(zero()).ok()?;
    chain.now_or_never()
}

fn fire_tokio(links: u64) -> Option<u64> {
    let (sender, number) = oneshot::channel();
    let chain = awaits(number.map(Result::unwrap_or_default), links);
    sender.send(zero()).ok()?;
    chain.now_or_never()
}

/// The least that brings a number to a future of the same thread.
#[derive(Default)]
struct Number {
    number: Cell<Option<u64>>,
    waiter: Cell<Option<Waker>>,
}

struct Later(Rc<Number>);

impl Number {
    fn set(&self, number: u64) {
        self.number.set(Some(number));
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }
}

impl Future for Later {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        let Some(number) = self.0.number.take() else {
            self.0.waiter.set(Some(cx.waker().clone()));
            return Poll::Pending;
        };
        Poll::Ready(number)
    }
}

// ---- the work of a link

/// Adds one, which no optimizer knows; so every link has something to carry.
fn link() -> impl FnOnce(u64) -> u64 {
    let one = black_box(1);
    move |number| black_box(number + one)
}

fn zero() -> u64 {
    black_box(0)
}

fn check(links: u64, result: Option<u64>) {
    assert_eq!(result, Some(links));
}
