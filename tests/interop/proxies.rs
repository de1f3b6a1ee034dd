//! PROXY headers, of HAProxy's own making, and as Twisted reads them.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use live::{Client, Live};
use twisty::prelude::*;

use super::python_with_twisted;
use super::twisted::Twisted;

/// Says who is there, as they say it of themselves.
#[protocol(line)]
#[derive(Default)]
struct Host;

#[protocol]
impl Host {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> String {
        format!("{} at {}", cx.peer(), cx.host())
    }

    #[on(line)]
    fn repeat(&mut self, line: &str) -> String {
        line.to_owned()
    }
}

fn start() -> Live {
    Live::start(|reactor| reactor.listen("haproxy:tcp:0:interface=127.0.0.1", Host::factory()))
}

/// `haproxy` in front of a server; it ends with this.
struct Proxy {
    child: Child,
    configuration: PathBuf,
}

impl Proxy {
    /// It takes its clients from `listener`, which is its standard input. `None` where it is not installed.
    fn start(listener: &TcpListener, server: &Live, header: &str) -> Option<Self> {
        let at = listener.local_addr().expect("an address").port();
        let configuration = std::env::temp_dir().join(format!("twisty-haproxy-{}-{at}", std::process::id()));
        let timeouts = "timeout connect 9s\n timeout client 9s\n timeout server 9s";
        let ways = format!("bind fd@0\n server twisty {} {header}", server.address());
        fs::write(&configuration, format!("listen here\n mode tcp\n {timeouts}\n {ways}\n")).expect("a file");
        let descriptor = OwnedFd::from(listener.try_clone().expect("a twin"));
        let mut haproxy = Command::new("haproxy");
        let child = haproxy.arg("-db").arg("-f").arg(&configuration).stdin(Stdio::from(descriptor)).spawn();
        match child {
            Ok(child) => Some(Self { child, configuration }),
            Err(error) => {
                let _nobody_needs_it = fs::remove_file(&configuration);
                eprintln!("skipped: haproxy does not start: {error}");
                None
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
        let _not_there = fs::remove_file(&self.configuration);
    }
}

#[test]
fn haproxy_says_who_is_there() {
    let server = start();
    for (interface, header) in [
        ("127.0.0.1:0", "send-proxy"),
        ("127.0.0.1:0", "send-proxy-v2"),
        ("[::1]:0", "send-proxy"),
        ("[::1]:0", "send-proxy-v2"),
        ("127.0.0.1:0", "send-proxy-v2 proxy-v2-options unique-id,crc32c"),
    ] {
        let Ok(listener) = TcpListener::bind(interface) else {
            eprintln!("skipped: nobody can listen on {interface}");
            continue;
        };
        let address = listener.local_addr().expect("an address");
        let mut client = Client::to(address);
        let own = client.socket().local_addr().expect("an address");
        let Some(_proxy) = Proxy::start(&listener, &server, header) else { return };
        assert_eq!(client.line(), format!("tcp:{own} at tcp:{address}"), "{header}");
        client.try_echo("hello\r\n").expect("an echo");
    }
}

/// Version 2, with the command and the family given.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("a short one").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

/// What a server says first to who sends this, and a line; the addresses of the socket itself have a name.
fn answer(port: u16, header: &[u8]) -> String {
    let mut client = Client::to(SocketAddr::from(([127, 0, 0, 1], port)));
    let own = client.socket().local_addr().expect("an address");
    client.send([header, b"who?\r\n"].concat());
    client.try_line().unwrap_or_default().replace(&format!("tcp:{own} at tcp:127.0.0.1:{port}"), "the socket's own")
}

#[test]
fn twisted_reads_the_same_in_a_header() {
    if python_with_twisted().is_none() {
        return;
    }
    let server = start();
    let mut twisted = Twisted::talking(&["greet", "haproxy:tcp:0:interface=127.0.0.1"]);
    let port = twisted.line().parse().expect("a port");
    let inet = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 0, 80];
    let mut six = [0; 36];
    (six[0], six[15], six[31], six[33], six[35]) = (0x20, 1, 2, 3, 4);
    for (header, said) in [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n".to_vec(), "tcp:192.0.2.1:4711 at tcp:192.0.2.2:80"),
        (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n".to_vec(), "tcp:[2001:db8::1]:4711 at tcp:[::1]:80"),
        // Without addresses behind it, which the specification allows, Twisted refuses it.
        (b"PROXY UNKNOWN ::1 ::2 3 4\r\n".to_vec(), "the socket's own"),
        (binary(0x21, 0x11, &inet), "tcp:192.0.2.1:4711 at tcp:192.0.2.2:80"),
        (binary(0x21, 0x21, &six), "tcp:[2000::1]:3 at tcp:[::2]:4"),
        (binary(0x21, 0x11, &[&inet[..], b"\xea\0\x04load"].concat()), "tcp:192.0.2.1:4711 at tcp:192.0.2.2:80"),
        (binary(0x20, 0x11, &inet), "the socket's own"),
        (binary(0x31, 0x11, &inet), ""),
        (b"PROXY TCP5 192.0.2.1 192.0.2.2 4711 80\r\n".to_vec(), ""),
        (b"GET / HTTP/1.0\r\n\r\n".to_vec(), ""),
    ] {
        let shown = header.escape_ascii().to_string();
        assert_eq!(answer(server.address().port(), &header), said, "twisty, of {shown}");
        assert_eq!(answer(port, &header), said, "Twisted, of {shown}");
    }
}
