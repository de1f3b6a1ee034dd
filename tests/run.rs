//! `twisty::run` as the whole of a `main`: what a program prints, and how it exits.
//!
//! Each program is this test, started again with the program's name in the environment.

use std::future::pending;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use live::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use twisty::deferred::IntoDeferred;
use twisty::prelude::*;

const PROGRAM: &str = "TWISTY_PROGRAM";
const SOON: Duration = Duration::from_millis(1);

fn main() -> twisty::Result<()> {
    let Ok(name) = std::env::var(PROGRAM) else {
        checks();
        return Ok(());
    };
    match PROGRAMS.iter().find(|(known, _)| *known == name) {
        Some((_, program)) => program(),
        None => Err(Failure::message(format!("there is no program {name}"))),
    }
}

type Main = fn() -> twisty::Result<()>;

const PROGRAMS: &[(&str, Main)] = &[
    ("future", future),
    ("deferred", deferred),
    ("poems", poems),
    ("list", || twisty::run(|_| gather(vec![Deferred::succeed(1), Deferred::succeed(2)]))),
    ("nothing", || twisty::run(|_| println!("at once"))),
    ("stops itself", || twisty::run(|reactor| Ok(reactor.stop()?))),
    ("result fails", || twisty::run(|_| Ok("x".parse::<u16>()?))),
    ("future fails", future_fails),
    ("deferred fails", deferred_fails),
    ("future panics", || twisty::run(|_| async { panicking() })),
    ("main panics", || twisty::run(|_| panicking())),
    ("is cancelled by itself", || twisty::run(|_| Deferred::<()>::fail(CancelledError))),
    ("waits", waits),
    ("cannot be cancelled", cannot_be_cancelled),
    ("cleans up for ever", cleans_up_for_ever),
    ("leaves work behind", leaves_work_behind),
    ("server", server),
    ("serves", || twisty::serve(live::LOOPBACK, Last::default())),
];

/// Says when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn panicking() {
    panic!("on purpose");
}

fn never() -> Deferred<()> {
    let (resolver, never) = Deferred::with_canceller(|_| println!("cancelled"));
    std::mem::forget(resolver);
    never
}

/// Fires with what `call` answers, a little later.
fn later<R: IntoDeferred + 'static>(reactor: &Reactor, call: impl FnOnce() -> R + 'static) -> Deferred<R::Value> {
    let (resolver, later) = Deferred::new();
    reactor.call_later(SOON, move |_| resolver.callback(()));
    later.add_callback(move |()| call())
}

fn future() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let reactor = reactor.clone();
        async move {
            println!("it runs: {}", reactor.is_running());
            let text = later(&reactor, || Ok("42")).await?;
            let number: u16 = reactor.defer_to_thread(|| Ok(text.parse()?)).await?;
            println!("{number}");
            Ok(())
        }
    })
}

fn deferred() -> twisty::Result<()> {
    twisty::run(|reactor| later(reactor, || Ok(42)).map(|number| println!("{number}")))
}

fn future_fails() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let text = later(reactor, || Ok("forty-two"));
        async {
            let number: u16 = text.await?.parse()?;
            println!("never printed: {number}");
            Ok(())
        }
    })
}

fn deferred_fails() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let text = later(reactor, || Ok("forty-two"));
        text.add_callback(|text| Ok(text.parse::<u16>()?)).map(|number| println!("never printed: {number}"))
    })
}

/// What a client of several servers is: the work for each is declared while the reactor is lent.
fn poems() -> twisty::Result<()> {
    fn get_poem(reactor: &Reactor, endpoint: &str) -> Deferred<String> {
        let (text, broken) = (format!("a poem from {endpoint}"), endpoint == "broken");
        later(reactor, move || if broken { Err(ConnectionDone.into()) } else { Ok(text) })
    }

    twisty::run(|reactor| {
        let downloads = ["here", "broken"].map(str::to_owned).into_iter().map(|endpoint| {
            chain! {
                get_poem(reactor, &endpoint);
                timeout 5s;
                then |poem| println!("{poem}");
                catch |why: TimeoutError| eprintln!("{endpoint} is too slow: {why}");
                catch |why| println!("no poem from {endpoint}: {why}");
            }
        });
        gather(downloads)
    })
}

fn waits() -> twisty::Result<()> {
    twisty::run(|_| async {
        let _held = Says("dropped");
        println!("ready");
        never().await
    })
}

fn cannot_be_cancelled() -> twisty::Result<()> {
    twisty::run(|_| {
        println!("ready");
        never().add_errback(|_cancelled| Err(Failure::message("cannot clean up")))
    })
}

fn cleans_up_for_ever() -> twisty::Result<()> {
    twisty::run(|_| {
        println!("ready");
        never().add_errback(|_cancelled| never())
    })
}

fn leaves_work_behind() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let (owner, held) = (reactor.clone(), Says("dropped"));
        reactor.spawn(async move {
            let _held = (owner, held);
            pending::<()>().await;
        });
        later(reactor, || Ok(())).add_callback(|()| never());
        let hour = Duration::from_secs(3600);
        let (resolver, next_hour) = Deferred::<()>::new();
        reactor.call_later(hour, move |_| resolver.callback(()));
        next_hour.map(|()| println!("never printed"));
        reactor.defer_to_thread(move || std::thread::sleep(hour));
        later(reactor, || println!("done"))
    })
}

/// Ends with its first client.
#[factory(protocol = Guest)]
#[derive(Default)]
struct Last {
    ends: Option<twisty::Resolver<()>>,
}

#[protocol(line, factory = Last)]
#[derive(Default)]
struct Guest;

#[protocol]
impl Guest {
    #[on(line)]
    fn end(&mut self, cx: &Context<Self>) -> &'static str {
        if let Some(ends) = cx.factory_mut().ends.take() {
            ends.callback(());
        }
        "good bye"
    }
}

fn server() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let (resolver, end) = Deferred::new();
        let port = reactor.listen(live::LOOPBACK, Last { ends: Some(resolver) });
        async {
            println!("listening on {}", port?.host());
            end.await
        }
    })
}

// ---- what is to be seen of them

fn checks() {
    let cases: &[(&str, fn())] = &[
        ("what is done ends the program, with 0", done),
        ("a failure is printed and ends it with 1", failures),
        ("the place of a failure is the program's own", places),
        ("a signal cancels, which is no failure", signals),
        ("what is left behind makes no noise", silence),
        ("connections close after what they have queued", drain),
        ("serve ends on a signal", served),
    ];
    for (name, check) in cases {
        check();
        println!("ok: {name}");
    }
}

/// A program that runs; it is killed when this is dropped.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

/// How a program ended.
struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

fn start(name: &str) -> Running {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.env(PROGRAM, name).env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    Running { child, stdout }
}

impl Running {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("its output");
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("a running program");
    }

    /// Where it says that it listens.
    fn connect(&mut self) -> TcpStream {
        let line = self.line();
        let address = line.strip_prefix("listening on tcp:").unwrap_or_else(|| panic!("it prints {line:?}"));
        let client = TcpStream::connect(address).expect("a connection");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        client
    }

    fn end(mut self) -> Ended {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(SOON);
        };
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("its output");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("its output");
        Ended { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    fn well(self, stdout: &str) {
        let (code, printed) = (self.status.code(), (self.stdout.as_str(), self.stderr.as_str()));
        assert_eq!((code, printed), (Some(0), (stdout, "")));
    }

    /// What it printed, by a `main` that failed.
    #[track_caller]
    fn badly(self) -> String {
        assert_eq!((self.status.code(), self.stdout.as_str()), (Some(1), ""), "{}", self.stderr);
        self.stderr
    }
}

fn done() {
    start("future").end().well("it runs: true\n42\n");
    start("deferred").end().well("42\n");
    start("list").end().well("");
    start("poems").end().well("a poem from here\nno poem from broken: the connection was closed cleanly\n");
    start("nothing").end().well("at once\n");
    start("stops itself").end().well("");
}

fn failures() {
    for name in ["result fails", "future fails", "deferred fails"] {
        let printed = start(name).end().badly();
        assert!(printed.starts_with("Error: invalid digit found in string (at tests/run.rs:"), "{name}: {printed}");
    }
    for name in ["future panics", "main panics"] {
        let printed = start(name).end().badly();
        assert!(printed.contains("\nError: a handler panicked: on purpose (at "), "{name}: {printed}");
    }
    assert!(start("is cancelled by itself").end().badly().starts_with("Error: the Deferred was cancelled (at "));
}

/// No line of them names a file of the library.
fn places() {
    for name in ["result fails", "future fails", "deferred fails"] {
        let printed = start(name).end().badly();
        for line in printed.lines() {
            assert!(line.contains(" at tests/run.rs:") || line.contains("(at tests/run.rs:"), "{name}: {printed}");
        }
    }
}

fn signals() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut waits = start("waits");
        assert_eq!(waits.line(), "ready");
        waits.signal(signal);
        let Ended { status, stdout, stderr } = waits.end();
        assert_eq!((status.code(), stdout.as_str()), (Some(0), "cancelled\ndropped\n"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("stopping on a signal"), "{stderr}");
    }
    let mut cleans = start("cleans up for ever");
    assert_eq!(cleans.line(), "ready");
    cleans.signal(Signal::TERM);
    assert_eq!(cleans.end().status.code(), Some(0));
    let mut fails = start("cannot be cancelled");
    assert_eq!(fails.line(), "ready");
    fails.signal(Signal::TERM);
    let Ended { status, stderr, .. } = fails.end();
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("Error: cannot clean up"), "{stderr}");
}

fn silence() {
    start("leaves work behind").end().well("done\ndropped\n");
}

fn drain() {
    let mut server = start("server");
    let mut client = server.connect();
    client.write_all(b"that is all\r\n").expect("the server takes it");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an end");
    assert_eq!(answer, "good bye\r\n");
    server.end().well("");
}

fn served() {
    let mut server = start("serves");
    let client = server.connect();
    server.signal(Signal::TERM);
    let Ended { status, stdout, .. } = server.end();
    assert_eq!((status.code(), stdout.as_str()), (Some(0), ""));
    drop(client);
}
