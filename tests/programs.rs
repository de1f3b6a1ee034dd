//! The examples as their users run them: the first line, a conversation, a signal, the end.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use live::{LOOPBACK, PATIENCE, Program, output_of_example};
use rustix::process::Signal;

#[test]
fn each_says_where_it_listens_and_ends_well_on_a_signal() {
    for name in ["echo", "qotd", "answer", "chat", "by_hand"] {
        let mut program = Program::example(name);
        assert_ne!(program.address().port(), 0, "{name}");
        let signal = if name == "echo" { Signal::INT } else { Signal::TERM };
        program.signal(signal);
        let (status, rest) = program.wait();
        assert!(status.success(), "{name}: {status}");
        assert_eq!(rest, "", "{name} prints nothing more");
    }
}

#[test]
fn a_poem_comes_slowly_and_whole() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/poetry/ecstasy.txt");
    let text = std::fs::read(file).expect("a poem");
    let arguments = [file, LOOPBACK, "--num-bytes", "100", "--delay", "0.005"];
    let mut program = Program::example_with("poetry_server", &arguments);
    let (mut listener, mut deserter) = (program.connect(), program.connect());
    assert_eq!(deserter.bytes(10), text[..10]);
    drop(deserter);
    assert_eq!(listener.rest().expect("an orderly end"), text);
    program.signal(Signal::TERM);
    assert!(program.wait().0.success());
}

#[test]
fn a_poem_that_is_not_there_is_one_clear_line() {
    let output = output_of_example("poetry_server", &["nowhere.txt", LOOPBACK]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let first = "error: invalid value 'nowhere.txt' for '<POEM>': No such file or directory";
    assert!(complaint.starts_with(first) && complaint.lines().count() == 3, "{complaint}");
}

#[test]
fn a_signal_delivers_what_is_queued_and_a_second_one_cuts() {
    let mut program = Program::example("by_hand");
    let mut client = program.connect();
    let block = vec![b'x'; 4 << 20];
    client.socket().set_nonblocking(true).expect("non-blocking");
    // More than sockets hold, and never read: the drain would take its full time.
    while client.socket().write(&block).is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
    program.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    program.signal(Signal::TERM);
    assert!(program.wait().0.success());
}

#[test]
fn two_nc_sessions_chat() {
    if Command::new("nc").arg("-h").stderr(Stdio::null()).stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no nc on this machine");
        return;
    }
    let program = Program::example("chat");
    let mut alice = Nc::to(&program);
    let mut bob = Nc::to(&program);
    alice.says("alice");
    alice.hears("Welcome, alice!");
    bob.says("alice");
    bob.hears("Name taken, please choose another.");
    bob.says("bob");
    bob.hears("Welcome, bob!");
    bob.says("hello");
    alice.hears("<bob> hello");
    drop(alice);
    let mut again = Nc::to(&program);
    let started = std::time::Instant::now();
    // That alice has left reaches the server a moment later.
    loop {
        again.says("alice");
        match again.line().as_str() {
            "Welcome, alice!" => return,
            _ => assert!(started.elapsed() < PATIENCE, "the name never gets free"),
        }
    }
}

/// `nc -C`, as the README says to use it.
struct Nc {
    child: Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Nc {
    fn to(program: &Program) -> Self {
        let address = program.address();
        let mut command = Command::new("nc");
        command.arg("-C").arg(address.ip().to_string()).arg(address.port().to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nc starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut nc = Self { child, lines: std::io::BufRead::lines(std::io::BufReader::new(stdout)) };
        nc.hears("What's your name?");
        nc
    }

    fn says(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("a pipe"), "{line}").expect("nc reads");
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").expect("text").trim_end().to_owned()
    }

    fn hears(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }
}

impl Drop for Nc {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

#[test]
fn running_out_of_descriptors_harms_nobody_who_is_there() {
    const LIMIT: u32 = 40;
    let program = Program::example_with_descriptors("by_hand", LIMIT);
    let mut first = program.connect();
    assert_eq!(first.send("a").bytes(1), b"a");
    // More than fit: the surplus is closed at once instead of being left to wait.
    let mut crowd: Vec<_> = (0..2 * LIMIT).map(|_| program.connect()).collect();
    let served = crowd.iter_mut().filter_map(|client| client.try_echo("b")).count();
    assert!((1..LIMIT as usize).contains(&served), "{served} clients were served");
    assert_eq!(first.send("c").bytes(1), b"c");
    drop(crowd);
    let mut later = std::iter::repeat_with(|| program.connect()).take(1000);
    assert!(later.any(|mut client| client.try_echo("d").is_some()), "room again once they have gone");
}
