//! Datagrams from the shell: `nc -u`, and `socat` for multicast and UNIX sockets too.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use twisty::DatagramPort;
use twisty::datagram::Interface;
use twisty::prelude::*;

/// Answers in capitals.
#[protocol(datagram)]
struct Shout;

#[protocol]
impl Shout {
    #[on(datagram)]
    fn shout(&mut self, data: &str) -> String {
        data.to_uppercase()
    }
}

/// What the tool prints that is given `hello`, while the reactor runs; nothing, and a word about it, where there is none.
/// It ends by itself when nothing more has come for a second.
fn answer_to(reactor: &Reactor, tool: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(tool);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().inspect_err(|error| eprintln!("skipped: {tool} does not start: {error}"));
    let (mut child, handle) = (child.ok()?, reactor.handle());
    let waits = std::thread::spawn(move || {
        let told = child.stdin.take().expect("a pipe").write_all(b"hello\n");
        let output = child.wait_with_output().expect("it ends");
        handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it is there");
        told.map(|()| output)
    });
    reactor.run().expect("a clean run");
    let output = waits.join().expect("no panic").expect("it takes what it is given");
    Some(String::from_utf8(output.stdout).expect("text"))
}

fn listen(endpoint: &str) -> (Reactor, DatagramPort) {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams(endpoint, Shout).expect("a port");
    (reactor, port)
}

fn number(port: &DatagramPort) -> u16 {
    port.host().port().expect("UDP")
}

#[test]
fn netcat_is_answered() {
    let (reactor, port) = listen("udp:0:interface=127.0.0.1");
    let answer = answer_to(&reactor, "nc", &["-u", "-w", "1", "127.0.0.1", &number(&port).to_string()]);
    assert!(answer.is_none_or(|answer| answer == "HELLO\n"));
}

#[test]
fn socat_is_answered() {
    for (interface, from) in [("127.0.0.1", "UDP4:127.0.0.1"), (r"\:\:1", "UDP6:[::1]")] {
        if interface != "127.0.0.1" && std::net::UdpSocket::bind("[::1]:0").is_err() {
            return eprintln!("skipped: there is no IPv6 here");
        }
        let (reactor, port) = listen(&format!("udp:0:interface={interface}"));
        let answer = answer_to(&reactor, "socat", &["-t", "1", "-", &format!("{from}:{}", number(&port))]);
        assert!(answer.is_none_or(|answer| answer == "HELLO\n"), "{from}");
    }
}

#[test]
fn socat_is_answered_in_a_group() -> twisty::Result<()> {
    const GROUP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(239, 195, 7, 2);
    let (reactor, port) = listen("udp:0");
    let joined = port.transport().join_group(GROUP, Interface::Ip(std::net::Ipv4Addr::LOCALHOST));
    if let Err(error) = joined {
        eprintln!("skipped: no multicast here: {error}");
        return Ok(());
    }
    let to = format!("UDP4-DATAGRAM:{GROUP}:{},ip-multicast-if=127.0.0.1", number(&port));
    let answer = answer_to(&reactor, "socat", &["-t", "1", "-", &to]);
    assert!(answer.is_none_or(|answer| answer == "HELLO\n"));
    Ok(())
}

#[test]
fn socat_is_answered_over_a_unix_socket() {
    let path = |name: &str| -> PathBuf {
        std::env::temp_dir().join(format!("twisty-interop-socat-{name}-{}", std::process::id()))
    };
    let (ours, its) = (path("ours"), path("its"));
    let (reactor, _port) = listen(&format!("unix-datagram:{}", ours.display()));
    let to = format!("UNIX-SENDTO:{},bind={}", ours.display(), its.display());
    let answer = answer_to(&reactor, "socat", &["-t", "1", "-", &to]);
    let _gone_already = std::fs::remove_file(its);
    assert!(answer.is_none_or(|answer| answer == "HELLO\n"));
}
