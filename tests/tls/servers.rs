//! A server of TLS, and clients that are as they should be, or not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use live::{Client, PATIENCE, Program};
use socket2::{Domain, Socket, Type};
use twisty::Reactor;
use twisty::protocol::Policies;

use crate::certificates::{Authority, Directory};
use crate::peer::Settings;
use crate::server::Served;

const DONE: &str = "the connection was closed cleanly";

#[test]
fn both_versions_talk_and_close_in_good_order() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    for (settings, version) in
        [(Settings::trusting(&authority), "TLSv1.3"), (Settings::trusting(&authority).tls12(), "TLSv1.2")]
    {
        let mut peer = settings.connect(served.live.address(), "localhost");
        assert_eq!(peer.send("who\r\n").line(), format!("{version} - localhost 0"));
        assert_eq!(peer.send("bye\r\n").line(), "bye");
        assert_eq!(peer.rest().expect("close_notify"), b"");
        assert_eq!(served.end(), DONE);
    }
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(peer.send("hello\r\n").line(), "hello");
    peer.close_notify();
    assert_eq!(served.end(), DONE);
    assert_eq!(peer.rest().expect("close_notify in answer"), b"");
}

#[test]
fn a_protocol_is_agreed_upon() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost").alpn(["chat/2", "chat/1"]));
    let address = served.live.address();
    let offering = |names: &[&str]| Settings::trusting(&authority).alpn(names).connect(address, "localhost");
    assert_eq!(offering(&["chat/1", "chat/2"]).send("who\r\n").line(), "TLSv1.3 chat/2 localhost 0");
    assert_eq!(offering(&["chat/1"]).send("who\r\n").line(), "TLSv1.3 chat/1 localhost 0");
    assert_eq!(offering(&[]).send("who\r\n").line(), "TLSv1.3 - localhost 0");
    let refused = offering(&["mail/1"]).try_line().expect_err("nothing in common");
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[test]
fn a_client_must_show_who_it_is() {
    let (authority, members, others) = (Authority::new(), Authority::new(), Authority::new());
    let served = Served::over(authority.server("localhost").require_clients(members.roots()));
    let address = served.live.address();
    let mut member = Settings::trusting(&authority).showing(&members.sign(&["ann"])).connect(address, "localhost");
    assert_eq!(member.send("who\r\n").line(), "TLSv1.3 - localhost 1");

    let mut nobody = Settings::trusting(&authority).connect(address, "localhost");
    let refused = nobody.try_line().expect_err("no certificate");
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");

    let mut stranger = Settings::trusting(&authority).showing(&others.sign(&["eve"])).connect(address, "localhost");
    let refused = stranger.try_line().expect_err("an unknown authority");
    assert!(refused.to_string().contains("UnknownCA"), "{refused}");
    assert!(served.has_ended_no_other(), "no protocol was made for them");
}

#[test]
fn a_client_may_show_who_it_is() {
    let (authority, members, others) = (Authority::new(), Authority::new(), Authority::new());
    let served = Served::over(authority.server("localhost").ask_clients(members.roots()));
    let address = served.live.address();
    let mut member = Settings::trusting(&authority).showing(&members.sign(&["ann"])).connect(address, "localhost");
    assert_eq!(member.send("who\r\n").line(), "TLSv1.3 - localhost 1");
    let mut nobody = Settings::trusting(&authority).connect(address, "localhost");
    assert_eq!(nobody.send("who\r\n").line(), "TLSv1.3 - localhost 0");
    let mut stranger = Settings::trusting(&authority).showing(&others.sign(&["eve"])).connect(address, "localhost");
    assert!(stranger.try_line().is_err());
}

#[test]
fn the_name_decides_which_certificate_is_shown() {
    let authority = Authority::new();
    let tls = authority.server("localhost").identity(authority.sign(&["*.example.org"]).identity());
    let served = Served::over(tls.identity(authority.sign(&["www.example.org"]).identity()));
    let settings = Settings::trusting(&authority);
    for name in ["localhost", "mail.example.org", "www.example.org", "WWW.EXAMPLE.ORG"] {
        assert_eq!(settings.connect(served.live.address(), name).send("hi\r\n").line(), "hi", "{name}");
    }
    for name in ["example.org", "a.b.example.org", "example.com"] {
        let wrong = settings.connect(served.live.address(), name).try_line().expect_err("another name");
        assert!(wrong.to_string().contains("NotValidForName") || wrong.to_string().contains("not valid for name"));
    }
}

#[test]
fn endpoints_name_files() {
    let (authority, files) = (Authority::new(), Directory::new());
    let signed = authority.sign(&["localhost"]);
    let (certificate, key) =
        (files.write("certificate.crt", &signed.certificate), files.write("private.key", &signed.key));
    let both = files.write("both.pem", &format!("{}{}", signed.certificate, signed.key));
    for endpoint in [
        format!("tls:0:interface=127.0.0.1:certificate={certificate}:private_key={key}"),
        format!("tls:0:interface=127.0.0.1:certificate={both}:alpn=chat/1"),
        format!("ssl:0:privateKey={key}:certKey={certificate}:interface=127.0.0.1"),
        format!("tls:{}:port=0:interface=127.0.0.1", files.path()),
    ] {
        let served = Served::described(&endpoint);
        let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
        assert_eq!(peer.send("hi\r\n").line(), "hi", "{endpoint}");
    }
}

#[test]
fn who_goes_without_a_word_is_reported() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(peer.send("hi\r\n").line(), "hi");
    peer.socket().shutdown(Shutdown::Write).expect("a FIN");
    assert!(served.end().starts_with("the peer closed the connection without a TLS close_notify"));
}

#[test]
fn what_came_before_the_cut_is_delivered() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(peer.send("hi\r\n").line(), "hi");
    peer.send("bye\r\n").socket().shutdown(Shutdown::Write).expect("a FIN");
    assert_eq!(peer.line(), "bye");
    assert_eq!(served.end(), DONE, "it was over before the cut was seen");
}

#[test]
fn garbage_is_no_hello() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut plain = TcpStream::connect(served.live.address()).expect("a connection");
    plain.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    plain.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it is taken");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).expect("an alert, then the end");
    assert_eq!(answer.first(), Some(&21), "it is told so in TLS: {answer:?}");
    let mut next = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(next.send("hi\r\n").line(), "hi", "the port lives on");
}

#[test]
fn a_record_that_was_tampered_with_ends_the_connection() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(peer.send("hi\r\n").line(), "hi");
    let forged = [&[23, 3, 3, 0, 32][..], &[7; 32]].concat();
    peer.socket().write_all(&forged).expect("it is taken");
    assert!(served.end().starts_with("the peer broke TLS: "));
    assert!(peer.try_line().expect_err("an alert").to_string().contains("BadRecordMac"));
}

#[test]
fn a_hello_may_come_byte_by_byte() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    peer.drip();
    assert_eq!(peer.send("hi\r\n").line(), "hi");
}

#[test]
fn a_handshake_has_its_time() {
    let authority = Authority::new();
    let tls = authority.server("localhost").handshake_timeout(Duration::from_millis(50));
    let served = Served::limited(tls, 1);
    let mut silent = TcpStream::connect(served.live.address()).expect("a connection");
    silent.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert_eq!(silent.read(&mut [0]).expect("an end"), 0, "nothing was said, so it is closed");
    drop(silent);
    served.live.wait_for_connections(0);
    let mut next = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(next.send("hi\r\n").line(), "hi", "there is room for the next");
}

#[test]
fn those_in_their_handshake_count_as_connections() {
    let authority = Authority::new();
    let served = Served::limited(authority.server("localhost"), 1);
    let silent = TcpStream::connect(served.live.address()).expect("a connection");
    served.live.wait_for_connections(1);
    let mut other = TcpStream::connect(served.live.address()).expect("a connection");
    other.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert_eq!(other.read(&mut [0]).expect("an end"), 0, "too many");
    drop(silent);
    served.live.wait_for_connections(0);
    let mut next = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(next.send("hi\r\n").line(), "hi");
}

/// Nobody could read it before a handshake.
#[test]
fn who_is_one_too_many_is_told_nothing_in_clear() {
    let authority = Authority::new();
    let policies = Policies::new().max_connections(1).overflow("busy\r\n");
    let served = Served::under(policies, authority.server("localhost"));
    let mut inside = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(inside.send("hi\r\n").line(), "hi");
    assert_eq!(served.live.connect().rest().expect("an orderly end"), b"");
    assert_eq!(inside.send("ho\r\n").line(), "ho");
}

/// A refused one stays for a moment, so that it can read why. It keeps its place for as long.
#[test]
fn those_who_were_refused_count_while_they_stay() {
    let authority = Authority::new();
    let served = Served::limited(authority.server("localhost"), 2);
    let staying: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = served.live.connect();
            // One that is turned away may be gone before it has spoken.
            let _turned_away = client.socket().write_all(b"GET / HTTP/1.0\r\n\r\n");
            let _alert = client.rest();
            let open = served.live.ask(Reactor::connections);
            assert!(open <= 2, "{open} are open");
            client
        })
        .collect();
    drop(staying);
    served.live.wait_for_connections(0);
    let mut next = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    assert_eq!(next.send("hi\r\n").line(), "hi", "there is room again");
}

#[test]
fn what_a_turn_sends_shares_its_records() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    peer.send("hi\r\n").line();
    peer.forget_records();
    peer.send("many 1000\r\n");
    for _ in 0..1000 {
        assert_eq!(peer.line(), "a tiny line");
    }
    assert_eq!(peer.records(), [13 * 1000 + 17], "one, with its type and its seal");
}

#[test]
fn much_goes_both_ways_though_neither_reads_at_once() {
    const MUCH: usize = 8 << 20;
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    peer.send(format!("bytes {MUCH}\r\n"));
    assert!(peer.bytes(MUCH).iter().all(|byte| *byte == b'x'));
    assert_eq!(peer.send("raw on\r\n").line(), "on");
    let sent: Vec<u8> = (0..MUCH).map(|at| (at % 251) as u8).collect();
    let mut back = Vec::new();
    for chunk in sent.chunks(100_000) {
        peer.send(chunk);
        back.extend(peer.bytes(chunk.len()));
    }
    assert!(back == sent, "every byte came back in its place");
}

#[test]
fn last_words_reach_a_peer_that_was_slow_to_read() {
    const MUCH: usize = 4 << 20;
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    peer.send("hi\r\n").line();
    peer.send(format!("bytes {MUCH}\r\nbye\r\n"));
    std::thread::sleep(Duration::from_millis(50));
    let rest = peer.rest().expect("all of it, and close_notify");
    assert_eq!(rest.len(), MUCH + 5);
    assert_eq!(served.end(), DONE);
}

#[test]
fn an_abort_is_no_end() {
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let mut peer = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    peer.send("abort\r\n");
    assert!(peer.rest().is_err(), "a reset, no close_notify");
    assert_eq!(served.end(), "the connection was aborted by this side");
}

#[test]
fn the_chat_of_before_is_private() {
    let (authority, files) = (Authority::new(), Directory::new());
    let signed = authority.sign(&["localhost"]);
    let both = files.write("both.pem", &format!("{}{}", signed.certificate, signed.key));
    let program = Program::example_with("tls_chat", &[&format!("tls:0:interface=127.0.0.1:certificate={both}")]);
    let join = |name: &str| {
        let mut person = Settings::trusting(&authority).connect(program.address(), "localhost");
        assert_eq!(person.line(), "What's your name?");
        assert_eq!(person.send(format!("{name}\r\n")).line(), format!("Welcome, {name}!"));
        person
    };
    let (mut alice, mut bob) = (join("alice"), join("bob"));
    alice.send("hi\r\n");
    assert_eq!(bob.line(), "<alice> hi");
}

/// What is encrypted already may be more than a rate that others share leaves for one write.
#[test]
fn a_shared_rate_leaves_no_connection_behind() {
    let authority = Authority::new();
    let policies = Policies::new().total_write_rate(1_500_000).burst(Duration::from_secs(4));
    let served = Served::under(policies, authority.server("localhost"));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("an option");
    socket.connect(&served.live.address().into()).expect("it listens");
    let mut slow = Settings::trusting(&authority).upgrade(OwnedFd::from(socket).into(), "localhost");
    slow.send("bytes 4000000\r\n");
    let mut quick = Settings::trusting(&authority).connect(served.live.address(), "localhost");
    quick.send("bytes 7000000\r\n").bytes(6_000_000);
    thread::scope(|scope| {
        scope.spawn(|| quick.bytes(1_000_000));
        assert_eq!(slow.bytes(4_000_000), vec![b'x'; 4_000_000]);
    });
    assert!(served.has_ended_no_other());
}
