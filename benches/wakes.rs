//! Calls from another thread: twisty's `call_from_thread` against mio's `Waker` with `std::sync::mpsc`, and tokio's
//! unbounded channel.
//!
//! Run: `cargo bench -p benches --bench wakes`      Shorter: `… --bench wakes -- --quick bulk`
//!
//! One thread has numbers for another, which waits for them as a server waits for its sockets, and adds them up. Times
//! are per number. In *bulk* all are sent at once, and the loop takes them as they come. In a *round trip* the next
//! number is sent when the one before has come back, through a `std::sync::mpsc` channel whatever the way, so that each
//! number wakes the loop, and then its sender. Each thread is on a core of its own: to wake the other core is dearer than
//! anything that follows, so it must not depend on where threads happen to be.
//!
//! - "CPU" is the CPU time of the loop's thread, which is this one: what a call costs a reactor that has other things to
//!   do. The system calls that wait and that wake the sender are in it, but nothing of what the sender does.
//! - "elapsed" is the time until all have arrived: in bulk throughput, in round trips latency. It depends on when the
//!   system lets a thread run that was woken, and says little on a busy machine.
//! - twisty and "mio, boxed calls" bring closures; the others bring the number itself.
//! - By hand the `Waker` is used for the first number since the loop last looked, which a flag knows. twisty does so too.
//! - tokio's runtime has one thread and I/O enabled, so that it waits as it would in a server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use benches::Result;
use benches::contest::Contest;
use benches::options::Options;
use benches::process::Cores;
use mio::{Events, Poll, Token, Waker};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use twisty::Reactor;

fn main() -> Result {
    // The senders' threads inherit it, but leave for the other core.
    let cores = Cores::choose();
    cores.map_or(Ok(()), Cores::pin_client)?;
    let bulk = Errand { numbers: 20_000, round_trips: false, cores };
    let round_trip = Errand { numbers: 200, round_trips: true, cores };
    let mut contests = [
        contest("bulk, CPU", bulk)?,
        contest("bulk, elapsed", bulk)?.timed_by(elapsed),
        contest("round trip, CPU", round_trip)?,
        contest("round trip, elapsed", round_trip)?.timed_by(elapsed),
    ];
    Options::parse().hold(&mut contests)
}

fn contest(name: &str, errand: Errand) -> Result<Contest> {
    Ok(Contest::new(name, errand.numbers as usize)
        .way("mio Waker, mpsc", errand.with_mio(|number, _| number, |number, desk| desk.take(number))?)
        .way("tokio, unbounded mpsc", errand.with_tokio()?)
        .way("twisty, call_from_thread", errand.with_twisty()?)
        .way("mio Waker, mpsc of boxed calls", errand.with_mio(boxed_call, |call, _| call())?))
}

fn elapsed() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// What is to be brought to the loop.
#[derive(Clone, Copy)]
struct Errand {
    numbers: u64,
    round_trips: bool,
    cores: Option<Cores>,
}

/// Where the numbers arrive.
struct Desk {
    sum: AtomicU64,
    arrived: AtomicU64,
    /// Lets the sender send the next one.
    back: Option<Sender<()>>,
}

impl Desk {
    fn take(&self, number: u64) {
        self.sum.fetch_add(number, Ordering::Relaxed);
        self.arrived.fetch_add(1, Ordering::Relaxed);
        if let Some(back) = &self.back {
            // Fails only when the sender is gone, who does not want it then.
            let _ = back.send(());
        }
    }

    fn has(&self, numbers: u64) -> bool {
        self.arrived.load(Ordering::Relaxed) >= numbers
    }
}

impl Errand {
    fn with_mio<T: Send + 'static>(
        self,
        pack: impl Fn(u64, &Arc<Desk>) -> T + Send + 'static,
        unpack: impl Fn(T, &Desk) + 'static,
    ) -> Result<impl FnMut()> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(16);
        let waker = Waker::new(poll.registry(), Token(0))?;
        let (sender, receiver) = channel();
        let to_look = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&to_look);
        let send = move |number, desk: &Arc<Desk>| {
            let sent = sender.send(pack(number, desk)).is_ok();
            sent && (flag.swap(true, Ordering::AcqRel) || waker.wake().is_ok())
        };
        Ok(self.work(send, move |desk, numbers| {
            while !desk.has(numbers) {
                poll.poll(&mut events, None).expect("it is only waited for the waker");
                to_look.swap(false, Ordering::AcqRel);
                receiver.try_iter().for_each(|packed| unpack(packed, desk));
            }
        }))
    }

    fn with_tokio(self) -> Result<impl FnMut()> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (sender, mut receiver) = unbounded_channel();
        Ok(self.work(
            move |number, _| sender.send(number).is_ok(),
            move |desk, numbers| runtime.block_on(receive_all(&mut receiver, desk, numbers)),
        ))
    }

    fn with_twisty(self) -> Result<impl FnMut()> {
        let reactor = Reactor::new()?;
        let handle = reactor.handle();
        let send = move |number, desk: &Arc<Desk>| {
            let desk = Arc::clone(desk);
            handle.call_from_thread(move |_| desk.take(number)).is_ok()
        };
        Ok(self.work(send, move |desk, numbers| {
            while !desk.has(numbers) {
                reactor.turn(None).expect("it is only waited for calls");
            }
        }))
    }

    /// The work of a way: has a thread `send` the numbers while `receive` waits until they have arrived.
    fn work(
        self,
        send: impl Fn(u64, &Arc<Desk>) -> bool + Send + 'static,
        mut receive: impl FnMut(&Desk, u64) + 'static,
    ) -> impl FnMut() {
        let (back, returned) = channel();
        let back = self.round_trips.then_some(back);
        let desk = Arc::new(Desk { sum: AtomicU64::new(0), arrived: AtomicU64::new(0), back });
        let (orders, ordered) = channel();
        let senders_desk = Arc::clone(&desk);
        thread::spawn(move || self.send_all(&ordered, &returned, |number| send(number, &senders_desk)));
        move || {
            desk.arrived.store(0, Ordering::Relaxed);
            orders.send(()).expect("the sender waits for orders");
            receive(&desk, self.numbers);
            assert_eq!(desk.sum.swap(0, Ordering::Relaxed), (0..self.numbers).sum());
        }
    }

    /// The sender's life: ends with the work that orders from it.
    fn send_all(self, ordered: &Receiver<()>, returned: &Receiver<()>, send: impl Fn(u64) -> bool) {
        self.cores.map_or(Ok(()), Cores::pin_server).expect("the system lets us use this core");
        for number in ordered.iter().flat_map(|()| 0..self.numbers) {
            assert!(send(number), "the loop is gone");
            if self.round_trips {
                returned.recv().expect("the desk has the other end");
            }
        }
    }
}

async fn receive_all(receiver: &mut UnboundedReceiver<u64>, desk: &Desk, numbers: u64) {
    while !desk.has(numbers) {
        receiver.recv().await.into_iter().for_each(|number| desk.take(number));
    }
}

fn boxed_call(number: u64, desk: &Arc<Desk>) -> Box<dyn FnOnce() + Send> {
    let desk = Arc::clone(desk);
    Box::new(move || desk.take(number))
}
