//! `stdio:`, over pipes, files and sockets.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use live::LOOPBACK;
use rustix::process::{Pid, Signal, kill_process};
use twisty::prelude::*;

use crate::{Check, Main, end_of, program};

pub(crate) const PROGRAMS: &[(&str, Main)] = &[
    ("echo", || twisty::serve("stdio:", Echo::factory())),
    ("much", || twisty::serve("stdio:", Much::factory())),
    ("twice", twice),
    ("from_a_handler", from_a_handler),
];

pub(crate) const CHECKS: &[Check] = &[
    ("pipes", pipes),
    ("files", files),
    ("nothing_to_read", nothing_to_read),
    ("sockets_that_do_not_block", sockets_that_do_not_block),
    ("all_output_is_written_before_the_end", all_output_is_written_before_the_end),
    ("output_that_nobody_takes_is_given_up", output_that_nobody_takes_is_given_up),
    ("closed_output_is_a_lost_connection", closed_output_is_a_lost_connection),
    ("a_signal_ends_it", a_signal_ends_it),
    ("there_is_one_standard_input", there_is_one_standard_input),
    ("a_handler_may_begin_it", a_handler_may_begin_it),
];

/// Sends everything back; says on standard error how it ended.
#[protocol(raw)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(connect)]
    fn begin(&mut self, cx: &Context<Self>) {
        eprintln!("{} at {}", cx.peer(), cx.host());
    }

    #[on(data)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.write(data);
    }

    #[on(disconnect)]
    fn end(&mut self, reason: Failure) {
        eprintln!("{reason}");
    }
}

const MUCH: usize = 3 << 20;

/// Says much, and hangs up.
#[protocol(raw)]
#[derive(Default)]
struct Much;

#[protocol]
impl Much {
    #[on(connect)]
    fn begin(&mut self, cx: &Context<Self>) {
        for chunk in vec![b'x'; MUCH].chunks(10_000) {
            cx.write(chunk);
        }
        cx.lose_connection();
    }

    #[on(data)]
    fn ignore(&mut self) {}
}

fn twice() -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let first = reactor.listen("stdio:", Echo::factory())?;
    assert_eq!(first.host().to_string(), "stdio:");
    first.stop_listening();
    assert_eq!(reactor.connections(), 1, "a port that is closed leaves its connection");
    let refusal = reactor.listen("stdio:", Echo::factory()).expect_err("it is taken").to_string();
    eprintln!("{refusal}");
    Ok(())
}

/// Begins to talk on standard input and output when it is told to.
#[protocol(line)]
#[derive(Default)]
struct Opener;

#[protocol]
impl Opener {
    #[on(line)]
    fn open(&mut self, cx: &Context<Self>) -> twisty::Result<()> {
        let reactor = Reactor::current().expect("it runs");
        reactor.listen("stdio:", Echo::factory())?;
        cx.lose_connection();
        Ok(())
    }
}

fn from_a_handler() -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let port = reactor.listen(LOOPBACK, Opener::factory())?;
    let Address::Tcp(address) = port.host() else { panic!("no TCP") };
    let mut client = TcpStream::connect(address)?;
    client.write_all(b"go\r\n")?;
    reactor.handle_signals()?;
    reactor.run()
}

fn start(name: &str) -> (Child, ChildStdin, ChildStdout) {
    let mut command = program(name);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let (stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    (child, stdin, stdout)
}

/// What it says on standard error, after a good end.
fn said(child: &mut Child) -> String {
    let status = end_of(child);
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(status.success(), "{status}: {said}");
    said
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| b'a' + (at / 7 % 26) as u8).collect()
}

const GOOD_END: &str = "stdio: at stdio:\nthe connection was closed cleanly\n";

fn pipes() {
    let (mut child, mut stdin, mut stdout) = start("echo");
    stdin.write_all(b"hello\n").expect("it reads");
    let mut line = String::new();
    BufReader::new(&mut stdout).read_line(&mut line).expect("a line");
    assert_eq!(line, "hello\n", "and nothing before it");
    let much = text(1 << 20);
    let (writes, expected) = (much.clone(), much);
    let writer = thread::spawn(move || stdin.write_all(&writes).expect("it reads"));
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).expect("the rest");
    writer.join().expect("all went well");
    assert!(rest == expected, "{} bytes came back", rest.len());
    assert_eq!(said(&mut child), GOOD_END);
}

fn files() {
    let path = std::env::temp_dir().join(format!("twisty-stdio-{}", std::process::id()));
    let (input, output) = (path.with_extension("in"), path.with_extension("out"));
    let much = text(5 << 20);
    fs::write(&input, &much).expect("a file");
    let mut command = program("echo");
    command.stdin(File::open(&input).expect("a file")).stdout(File::create(&output).expect("a file"));
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    assert_eq!(said(&mut child), GOOD_END);
    assert!(fs::read(&output).expect("a file") == much);
    for path in [input, output] {
        fs::remove_file(path).expect("our own");
    }
}

fn nothing_to_read() {
    let mut command = program("echo");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    assert_eq!(said(&mut child), GOOD_END);
}

/// Others may have made what we are started with non-blocking.
fn sockets_that_do_not_block() {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    theirs.set_nonblocking(true).expect("a socket");
    let twin = OwnedFd::from(theirs.try_clone().expect("a twin"));
    let mut command: Command = program("echo");
    let mut child =
        command.stdin(twin).stdout(OwnedFd::from(theirs)).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(command);
    let much = text(1 << 20);
    let (writes, expected) = (much.clone(), much);
    let socket = ours.try_clone().expect("a twin");
    let writer = thread::spawn(move || {
        (&socket).write_all(&writes).expect("it reads");
        socket.shutdown(Shutdown::Write).expect("a half-close");
    });
    let mut back = Vec::new();
    (&ours).read_to_end(&mut back).expect("all of it");
    writer.join().expect("all went well");
    assert!(back == expected, "{} bytes came back", back.len());
    assert_eq!(said(&mut child), GOOD_END);
}

fn all_output_is_written_before_the_end() {
    let (mut child, stdin, mut stdout) = start("much");
    // The connection is long over when the first of it is read.
    thread::sleep(Duration::from_millis(50));
    let mut heard = Vec::new();
    stdout.read_to_end(&mut heard).expect("all of it");
    assert_eq!(heard.len(), MUCH);
    drop(stdin);
    said(&mut child);
}

/// Two signals: the first waits for the output, the second does not.
fn output_that_nobody_takes_is_given_up() {
    let (mut child, _stdin, mut stdout) = start("much");
    let mut first = [0; 1];
    stdout.read_exact(&mut first).expect("it has begun");
    let id = Pid::from_child(&child);
    while child.try_wait().expect("a child").is_none() {
        kill_process(id, Signal::TERM).expect("it is there until we have seen its end");
        thread::sleep(Duration::from_millis(5));
    }
    said(&mut child);
}

fn closed_output_is_a_lost_connection() {
    let (mut child, mut stdin, stdout) = start("echo");
    drop(stdout);
    // It learns of it when it writes, and ends though there may be more to read.
    stdin.write_all(b"hello").expect("room");
    let said = said(&mut child);
    assert!(said.contains("the connection was lost: Broken pipe"), "{said}");
}

fn a_signal_ends_it() {
    let (mut child, mut stdin, mut stdout) = start("echo");
    stdin.write_all(b"hello").expect("it reads");
    stdout.read_exact(&mut [0; 5]).expect("it runs");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a process");
    let said = said(&mut child);
    assert!(said.ends_with("the connection was closed cleanly\n"), "{said}");
}

fn there_is_one_standard_input() {
    let (mut child, _stdin, _stdout) = start("twice");
    let said = said(&mut child);
    assert!(said.contains("cannot listen on stdio:: standard input has a connection already"), "{said}");
}

fn a_handler_may_begin_it() {
    let (mut child, mut stdin, mut stdout) = start("from_a_handler");
    stdin.write_all(b"hello").expect("it reads");
    stdout.read_exact(&mut [0; 5]).expect("it runs");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a process");
    assert_eq!(said(&mut child), GOOD_END);
}
