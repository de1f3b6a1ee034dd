//! `fd:` and `systemd:`: sockets that whoever starts the program has opened for it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};

use live::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use twisty::prelude::*;

use crate::{Check, Main, PROGRAM, end_of, program};

pub(crate) const PROGRAMS: &[(&str, Main)] = &[("serves", serves)];

pub(crate) const CHECKS: &[Check] = &[
    ("a_descriptor_by_its_number", a_descriptor_by_its_number),
    ("a_unix_socket_is_one_too", a_unix_socket_is_one_too),
    ("systemd_by_place_and_name", systemd_by_place_and_name),
    ("what_cannot_be_listened_on_says_so", what_cannot_be_listened_on_says_so),
    ("systemd_itself", systemd_itself),
];

/// The endpoint that the program listens on.
const ENDPOINT: &str = "TWISTY_ENDPOINT";

fn serves() -> twisty::Result<()> {
    twisty::serve(&std::env::var(ENDPOINT)?, Echo::factory())
}

#[protocol(raw)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(data)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.write(data);
    }
}

/// The program, with `socket` as descriptor 3 as systemd would have it; a shell moves it there.
fn start(endpoint: &str, socket: impl Into<OwnedFd>, names: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", r#"LISTEN_PID=$$ exec "$0" 3<&0 </dev/null"#]).arg(program("serves").get_program());
    command.env(PROGRAM, "serves").env(ENDPOINT, endpoint).env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", names);
    command.stdin(socket.into()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Where it says that it listens.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    line
}

fn stop(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    let status = end_of(&mut child);
    assert!(status.success(), "{status}");
}

fn echoes(socket: &TcpStream) {
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut socket: &TcpStream = socket;
    socket.write_all(b"hello").expect("room");
    socket.shutdown(Shutdown::Write).expect("a half-close");
    assert_eq!(std::io::read_to_string(&mut socket).expect("an echo"), "hello");
}

fn loopback() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port")
}

fn a_descriptor_by_its_number() {
    let listener = loopback();
    let address = listener.local_addr().expect("an address");
    let mut child = start("fd:3", listener, "");
    assert_eq!(first_line(&mut child), format!("listening on tcp:{address}\n"));
    echoes(&TcpStream::connect(address).expect("it listens"));
    stop(child);
}

fn a_unix_socket_is_one_too() {
    let path = std::env::temp_dir().join(format!("twisty-inherited-{}", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket");
    let mut child = start("systemd:domain=UNIX:index=0", listener, "");
    assert_eq!(first_line(&mut child), format!("listening on unix:{}\n", path.display()));
    let mut client = UnixStream::connect(&path).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.write_all(b"hello").expect("room");
    let mut back = [0; 5];
    client.read_exact(&mut back).expect("an echo");
    stop(child);
    std::fs::remove_file(&path).expect("whoever made it removes it");
}

fn systemd_by_place_and_name() {
    for endpoint in ["systemd:domain=INET:index=0", "systemd:domain=INET:name=web"] {
        let listener = loopback();
        let address = listener.local_addr().expect("an address");
        let mut child = start(endpoint, listener, "web");
        assert_eq!(first_line(&mut child), format!("listening on tcp:{address}\n"));
        echoes(&TcpStream::connect(address).expect("it listens"));
        stop(child);
    }
}

fn what_cannot_be_listened_on_says_so() {
    let file = || OwnedFd::from(File::open("/dev/null").expect("a file"));
    let datagrams = || OwnedFd::from(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket"));
    let connected = || OwnedFd::from(UnixStream::pair().expect("sockets").0);
    let listening = || OwnedFd::from(loopback());
    for (endpoint, socket, says) in [
        ("fd:3", file(), "the descriptor is no socket, a stream socket that listens is needed"),
        ("fd:3", datagrams(), "the descriptor is a socket of another kind"),
        ("fd:3", connected(), "the descriptor is a socket that does not listen"),
        ("fd:87", listening(), "descriptor 87 is not open"),
        ("systemd:domain=INET:index=1", listening(), "systemd hands over 1 descriptors, by the names of: web"),
        ("systemd:domain=INET:name=ftp", listening(), "systemd hands over 1 descriptors, by the names of: web"),
        ("systemd:domain=UNIX:index=0", listening(), "systemd hands over a socket of another domain than Unix"),
    ] {
        let mut child = start(endpoint, socket, "web");
        let status = end_of(&mut child);
        let said = std::io::read_to_string(child.stderr.take().expect("a pipe")).expect("text");
        assert!(!status.success() && said.contains(says), "{endpoint}: {said}");
    }
}

/// With systemd's own tool, where it is.
fn systemd_itself() {
    let tool = "systemd-socket-activate";
    if Command::new(tool).arg("--version").output().is_err() {
        return println!("skipped: there is no {tool}");
    }
    let address = loopback().local_addr().expect("a port that was free a moment ago");
    let mut command = Command::new(tool);
    command.args(["--listen", &address.to_string(), "--fdname=web", "-E", PROGRAM, "-E", ENDPOINT]);
    command.arg(program("serves").get_program()).env(PROGRAM, "serves").env(ENDPOINT, "systemd:domain=INET:name=web");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // It says where it listens before it does anything else, and starts the program with the first client.
    let mut said = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    while !said.contains("Listening on") {
        assert_ne!(stderr.read_line(&mut said).expect("a line"), 0, "{said}");
    }
    let client = TcpStream::connect(address).expect("systemd listens");
    assert_eq!(first_line(&mut child), format!("listening on tcp:{address}\n"));
    echoes(&client);
    stop(child);
}
