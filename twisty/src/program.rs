//! The whole of a `main`: [`run`] for a program that has something to do, [`serve`] for a server.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use crate::client::Client;
use crate::datagram::DatagramProtocol;
use crate::deferred::{Deferred, IntoDeferred};
use crate::endpoint::{IntoClientEndpoint, IntoDatagramEndpoint, IntoServerEndpoint};
use crate::error::{CancelledError, HandlerPanicked};
use crate::failure::Failure;
use crate::protocol::{Address, ClientFactory, Factory, IntoShared};
use crate::reactor::Reactor;

/// Runs a reactor until the work that `main` begins is done: the whole of a program's `main`. (Twisted's `task.react`.)
///
/// `main` is called with the reactor, which runs by then. It returns the [`Work`]: a future, a Deferred, or a `Result`
/// that is there at once. A future that needs the reactor takes a clone along. When that is over the reactor stops: ports and connections close, each after what it has
/// queued, for at most 10 seconds. What still waits then is given up, as when a [`Reactor`] is dropped.
///
/// A failure is the answer, so that a `main` which returns it prints it and ends with the exit code 1. SIGINT, SIGTERM and
/// [`Reactor::stop`] cancel the work; being cancelled so is a good end, and `main` exits with 0, as in Twisted. A second
/// signal cuts connections off.
///
/// What goes wrong besides is reported through `tracing`; a program that has no subscriber gets [`log_to_stderr`].
///
/// # Errors
/// The failure of the work, or why there is no reactor.
///
/// ```
/// use std::time::Duration;
/// use twisty::Deferred;
///
/// fn main() -> twisty::Result<()> {
///     twisty::run(|reactor| {
///         let (resolver, tick) = Deferred::new();
///         reactor.call_later(Duration::from_millis(1), move |_| resolver.callback("tick"));
///         tick.map(|tick| println!("{tick}"))
///     })
/// }
/// ```
///
/// ```
/// # use twisty::task::defer_later;
/// # use std::time::Duration;
/// fn main() -> twisty::Result<()> {
///     twisty::run(|reactor| {
///         let reactor = reactor.clone();
///         async move {
///             defer_later(Duration::from_millis(1), &reactor, || println!("tick")).await
///         }
///     })
/// }
/// ```
#[track_caller]
pub fn run<Kind, W: Work<Kind>>(main: impl FnOnce(&Reactor) -> W) -> Result<(), Failure> {
    let reactor = reactor_of_a_program()?;
    let running = reactor.begin_run()?;
    let work = match HandlerPanicked::catch(|| main(&reactor)) {
        Ok(work) => work.begin(&reactor),
        Err(panicked) => Deferred::fail(panicked),
    };
    let cancel = work.cancel_handle();
    reactor.call_when_stopping(move |_| cancel.cancel());
    let ended = Rc::new(Cell::new(None));
    let (ends, stops) = (Rc::clone(&ended), reactor.clone());
    work.add_both(move |result| {
        let by_itself = stops.stop_once();
        ends.set(Some(match result {
            Err(failure) if !by_itself => failure.trap::<CancelledError>().map(drop),
            _ => result.map(drop),
        }));
    });
    running.until_stopped()?;
    // Looked at before the rest is given up: work that was cancelled and still cleans up is no failure.
    let result = ended.take().unwrap_or(Ok(()));
    reactor.give_up();
    result
}

/// What a program may return to [`run`]: a future, whose output is what a callback may return; or that itself: a
/// [`Deferred`], a `Result<_, Failure>` or `()`.
///
/// `Kind` only tells the implementations apart: [`Async`] or [`Direct`].
///
/// ```
/// use twisty::program::Work;
/// use twisty::{Deferred, Reactor};
///
/// fn takes<Kind>(_: impl Work<Kind>) {}
/// takes(async {});
/// takes(async { Ok("8007".parse::<u16>()?) });
/// takes(Deferred::succeed(42));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no work that a program can wait for",
    label = "neither a `Deferred<_>`, a `Result<_, Failure>`, `()`, nor a future of one of them",
    note = "what a closure returns is waited for, as in `twisty::run(|_reactor| async {{ … }})`",
    note = "`?` makes a `Failure` of any error; a `Result` with another error becomes one by `Ok(result?)`"
)]
pub trait Work<Kind> {
    /// What comes of it.
    type Value: 'static;

    /// Has it done.
    fn begin(self, reactor: &Reactor) -> Deferred<Self::Value>;
}

/// The kind of [`Work`] that is there, or promised: what callbacks may return.
///
/// ```
/// fn takes(_: impl twisty::program::Work<twisty::program::Direct>) {}
/// takes(());
/// ```
#[derive(Debug)]
pub enum Direct {}

/// The kind of [`Work`] that the reactor has to poll: a future.
///
/// ```
/// fn takes(_: impl twisty::program::Work<twisty::program::Async>) {}
/// takes(async {});
/// ```
#[derive(Debug)]
pub enum Async {}

impl<R: IntoDeferred> Work<Direct> for R {
    type Value = R::Value;

    fn begin(self, _reactor: &Reactor) -> Deferred<R::Value> {
        self.into_deferred()
    }
}

impl<F> Work<Async> for F
where
    F: Future + 'static,
    F::Output: IntoDeferred + 'static,
{
    type Value = <F::Output as IntoDeferred>::Value;

    #[track_caller]
    fn begin(self, reactor: &Reactor) -> Deferred<Self::Value> {
        reactor.spawn(self)
    }
}

/// Serves `factory` on `endpoint` until SIGINT or SIGTERM: the whole of a server's `main`.
///
/// Prints `listening on tcp:ADDRESS:PORT`, or what else it listens on, on standard output once the port is open. On
/// `stdio:`, which is one connection, it prints nothing, and ends with that connection, when all its output is written. The
/// signal closes the port and then the connections, each after what it has queued, for at most 10 seconds; a second signal
/// cuts them off.
///
/// What goes wrong is reported through `tracing`; a program that has no subscriber gets [`log_to_stderr`].
///
/// # Errors
/// As [`Reactor::listen`].
///
/// ```no_run
/// use twisty::prelude::*;
///
/// # #[protocol(line)]
/// # #[derive(Default)]
/// # struct Echo;
/// # #[protocol]
/// # impl Echo {
/// #     #[on(line)]
/// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
/// # }
/// fn main() -> twisty::Result<()> {
///     twisty::serve("tcp:8007", Echo::factory())
/// }
/// ```
pub fn serve<F: Factory>(endpoint: impl IntoServerEndpoint, factory: impl IntoShared<F>) -> Result<(), Failure> {
    let reactor = reactor_of_a_program()?;
    let port = reactor.listen(endpoint, factory)?;
    match port.host() {
        // Standard output is the connection's.
        Address::Stdio => reactor.stop_after_output(),
        host => announce(&host),
    }
    reactor.run()?;
    reactor.give_up();
    Ok(())
}

/// Serves `protocol` on `endpoint`, which is one of datagrams, until SIGINT or SIGTERM: the whole of a `main`. It prints
/// where it listens and reports what goes wrong as [`serve`] does.
///
/// # Errors
/// As [`Reactor::listen_datagrams`].
///
/// ```no_run
/// use twisty::prelude::*;
///
/// # #[protocol(datagram)] struct Echo;
/// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
/// fn main() -> twisty::Result<()> {
///     twisty::serve_datagrams("udp:8009", Echo)
/// }
/// ```
pub fn serve_datagrams<P: DatagramProtocol>(endpoint: impl IntoDatagramEndpoint, protocol: P) -> Result<(), Failure> {
    let reactor = reactor_of_a_program()?;
    let port = reactor.listen_datagrams(endpoint, protocol)?;
    announce(&port.host());
    reactor.run()?;
    reactor.give_up();
    Ok(())
}

/// Connects `factory` to `endpoint`, and runs until the connection is over and nobody connects again: the whole of a
/// client's `main`.
///
/// A factory that reconnects (`#[factory(protocol = P, reconnect)]`) runs until it is told to stop that, or has no retries
/// left. SIGINT and SIGTERM close the connection after what it has queued, for at most 10 seconds, or give the attempt up;
/// a second signal cuts it off.
///
/// What goes wrong is reported through `tracing`; a program that has no subscriber gets [`log_to_stderr`].
///
/// # Errors
/// As [`Reactor::connect`]; and why the last attempt failed, or the last connection ended if that was in no good order.
///
/// ```no_run
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Listener;
///
/// #[protocol]
/// impl Listener {
///     #[on(line)]
///     fn hear(&mut self, line: &str) {
///         println!("{line}");
///     }
/// }
///
/// fn main() -> twisty::Result<()> {
///     twisty::connect("tcp:example.com:8007", Listener::factory())
/// }
/// ```
#[track_caller]
pub fn connect<F: ClientFactory>(
    endpoint: impl IntoClientEndpoint,
    factory: impl IntoShared<F>,
) -> Result<(), Failure> {
    let (endpoint, shared) = (endpoint.into_client_endpoint(), factory.into_shared());
    run(|reactor| Client::run(reactor, endpoint, Box::new(shared)))
}

/// Nobody reading it is no reason not to serve.
fn announce(host: &Address) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "listening on {host}").and_then(|()| stdout.flush()) {
        tracing::debug!(%error, "cannot print the address");
    }
}

/// Writes what `tracing` reports, from `INFO` upwards, to standard error: each connection that did not end well, with the
/// reason. Does nothing in a program that has a subscriber already.
///
/// ```
/// twisty::log_to_stderr();
/// tracing::warn!("it is on standard error now");
/// ```
pub fn log_to_stderr() {
    let to_stderr = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(io::stderr);
    let _has_its_own = to_stderr.try_init();
}

/// A reactor that two signals end, and somebody to read what it reports.
fn reactor_of_a_program() -> Result<Reactor, Failure> {
    log_to_stderr();
    let reactor = Reactor::new()?;
    reactor.handle_signals()?;
    Ok(reactor)
}
