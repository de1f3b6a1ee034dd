//! Descriptions and values, there and back; and what no text may do.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::*;
use crate::error::{EndpointError, EndpointMistake};

/// Values of all kinds, made of a seed.
struct Random(fastrand::Rng);

impl Random {
    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.0.bool().then(|| make(self))
    }

    /// Text that needs every escape there is.
    fn text(&mut self) -> String {
        let pool = ['a', 'B', '7', ':', '=', '\\', ' ', '/', '.', '_', '-', 'é', '@', '%'];
        let letters: String = (0..self.0.usize(0..6)).map(|_| self.0.choice(pool).expect("a letter")).collect();
        format!("x{letters}")
    }

    fn path(&mut self) -> String {
        let text = self.text();
        self.0.choice([format!("/{text}"), text, "@misleading".to_owned(), "443".to_owned()]).expect("a path")
    }

    fn names(&mut self) -> Vec<String> {
        (0..self.0.usize(0..3)).map(|_| self.text()).collect()
    }

    fn duration(&mut self) -> Duration {
        self.0.choice([Duration::ZERO, Duration::from_secs(60), Duration::new(1, 500), Duration::MAX]).expect("a time")
    }

    fn address(&mut self) -> SocketAddr {
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, self.0.u16(..));
        let scoped = SocketAddrV6::new(link_local, 0, self.0.u32(..), self.0.u32(..));
        let ends = [([0; 4], 0).into(), ([127, 0, 0, 1], 0).into(), ([0u16; 8], 0).into(), SocketAddr::from(scoped)];
        let mut address = self.0.choice(ends).expect("an address");
        address.set_port(self.0.u16(..));
        address
    }

    fn tcp_server(&mut self) -> TcpServer {
        let mut tcp = TcpServer::new(self.address()).reuse_port(self.0.bool()).nodelay(self.0.bool());
        tcp.backlog = self.maybe(|random| random.0.u16(..)).unwrap_or(TcpServer::BACKLOG);
        tcp.options.keepalive = self.maybe(Self::duration);
        tcp.options.device = self.maybe(Self::text);
        tcp
    }

    fn unix_server(&mut self) -> UnixServer {
        let path = self.path();
        let unix = if self.0.bool() { UnixServer::new(path) } else { UnixServer::abstract_name(path) };
        unix.mode(self.0.u32(..0o10000)).backlog(self.0.u16(..)).lockfile(self.0.bool())
    }

    fn tls_server(&mut self) -> TlsServer {
        let mut identity = Identity::files(self.path(), self.path());
        match &mut identity {
            Identity::Files { chain, .. } if self.0.bool() => *chain = self.maybe(|random| random.path().into()),
            identity => *identity = Identity::Directory(self.path().into()),
        }
        let mut tls = TlsServer::new(self.tcp_server(), identity).alpn(self.names());
        tls.client_authority = self.maybe(|random| random.path().into());
        tls
    }

    fn server(&mut self) -> ServerEndpoint {
        let domain = self.0.choice([Domain::Inet, Domain::Inet6, Domain::Unix]).expect("a domain");
        match self.0.u8(..8) {
            0 | 1 => self.tcp_server().into(),
            2 => self.unix_server().into(),
            3 => self.tls_server().into(),
            4 => FdServer::new(self.0.i32(0..)).into(),
            5 => SystemdServer::index(domain, self.0.usize(..)).into(),
            6 => SystemdServer::name(domain, self.text()).into(),
            _ => {
                if self.0.bool() {
                    ServerEndpoint::Stdio
                } else {
                    self.server().behind_haproxy()
                }
            }
        }
    }

    fn tcp_client(&mut self) -> TcpClient {
        let mut tcp = TcpClient::new(self.text(), self.0.u16(..)).ipv6_only(self.0.bool()).nodelay(self.0.bool());
        tcp.timeout = self.maybe(Self::duration).unwrap_or(TcpClient::TIMEOUT);
        tcp.bind = self.maybe(Self::address).map(|mut address| {
            if let SocketAddr::V6(v6) = &mut address {
                v6.set_flowinfo(0);
            }
            address
        });
        tcp.options.keepalive = self.maybe(Self::duration);
        tcp.options.device = self.maybe(Self::text);
        tcp
    }

    fn client(&mut self) -> ClientEndpoint {
        match self.0.u8(..4) {
            0 => self.tcp_client().into(),
            1 => UnixClient::new(self.path()).timeout(self.duration()).lockfile(self.0.bool()).into(),
            2 => UnixClient::abstract_name(self.text()).into(),
            _ => self.tls_client().into(),
        }
    }

    fn tls_client(&mut self) -> TlsClient {
        let mut tls = TlsClient::new(self.tcp_client()).alpn(self.names());
        if self.0.bool() {
            tls = TlsClient::over(self.client(), self.text());
        }
        tls.trust_roots = self.maybe(|random| random.path().into());
        if self.0.bool() { tls.certificate(self.path(), self.path()) } else { tls }
    }

    fn datagram(&mut self) -> DatagramEndpoint {
        if self.0.bool() {
            let path = self.path();
            let unix = if self.0.bool() { UnixDatagramPort::new(path) } else { UnixDatagramPort::abstract_name(path) };
            return unix.mode(self.0.u32(..0o10000)).max_packet_size(self.0.usize(1..)).into();
        }
        let mut udp = UdpPort::new(self.address()).broadcast(self.0.bool()).reuse_port(self.0.bool());
        udp.max_packet_size = self.maybe(|random| random.0.usize(1..)).unwrap_or(udp.max_packet_size);
        udp.device = self.maybe(Self::text);
        udp.into()
    }

    /// Words, punctuation and odd characters in any order: most of it is nearly a description.
    fn nonsense(&mut self) -> String {
        let pool = [
            "tcp",
            "TLS",
            "unix",
            "haproxy",
            "systemd",
            "ssl",
            "udp",
            "fd",
            ":",
            ":",
            ":",
            "=",
            "\\",
            "\\:",
            "80",
            "port",
            "host",
            "mode",
            "endpoint",
            "tcp\\:a\\:80",
            "interface",
            "::1",
            "_",
            "é",
            "漢",
            "\u{0}",
            "\n",
            " ",
            "@",
            "%",
            "-",
        ];
        (0..self.0.usize(0..12)).map(|_| self.0.choice(pool).expect("a piece")).collect()
    }
}

impl Random {
    /// A description with a few characters gone and something else in their place.
    fn damaged(&mut self) -> String {
        let whole = if self.0.bool() { self.server().to_string() } else { self.client().to_string() };
        let mut letters: Vec<char> = whole.chars().collect();
        let start = self.0.usize(..=letters.len());
        let end = self.0.usize(start..=letters.len().min(start + 3));
        let piece = if self.0.bool() { self.nonsense() } else { String::new() };
        letters.splice(start..end, piece.chars());
        letters.into_iter().collect()
    }
}

#[test]
fn what_is_printed_parses_back() {
    for seed in 0..4000 {
        let mut random = Random(fastrand::Rng::with_seed(seed));
        let (server, client, datagram) = (random.server(), random.client(), random.datagram());
        assert_eq!(server.to_string().parse(), Ok(server), "seed {seed}");
        assert_eq!(client.to_string().parse(), Ok(client), "seed {seed}");
        assert_eq!(datagram.to_string().parse(), Ok(datagram), "seed {seed}");
    }
}

#[test]
fn quoted_text_is_one_value() {
    for seed in 0..1000 {
        let mut random = Random(fastrand::Rng::with_seed(seed));
        let (text, key) = (random.nonsense(), random.nonsense());
        let description = format!("{}:{}={}", quote(&text), quote(&key), quote(&text));
        let fields = Fields::parse(&description).expect("nothing in it is against the grammar");
        assert_eq!(fields.kind(), text.to_ascii_lowercase());
        assert_eq!(fields.options().collect::<Vec<_>>(), [(&*key, &*text)]);
    }
}

/// Checks an error for what holds of all: it points into the description, and can be shown.
fn look_at(description: &str, error: &EndpointError) {
    assert_eq!(error.description, description);
    assert!(description.get(error.at.clone()).is_some(), "{:?} is not in {description:?}", error.at);
    assert!(format!("{error:#}").contains('^'));
}

#[test]
fn no_text_panics_and_errors_point_into_it() {
    let (mut wrong, mut right) = (0, 0);
    for seed in 0..6000 {
        let mut random = Random(fastrand::Rng::with_seed(seed));
        let text = if seed % 2 == 0 { random.nonsense() } else { random.damaged() };
        let read = [
            text.parse::<ServerEndpoint>().map(drop),
            text.parse::<ClientEndpoint>().map(drop),
            text.parse::<DatagramEndpoint>().map(drop),
        ];
        for result in read {
            match result {
                Ok(()) => right += 1,
                Err(error) => {
                    look_at(&text, &error);
                    wrong += 1;
                }
            }
        }
    }
    assert!(wrong > 1000 && right > 1000, "{wrong} are wrong, {right} are right");
}

#[test]
fn errors_mark_the_part_that_is_wrong() {
    use EndpointMistake::{
        BadValue, Contradiction, LoneBackslash, Missing, TooMany, Twice, UnknownKind, UnknownOption,
    };
    for (description, part, mistake) in [
        ("http:80", "http", UnknownKind),
        ("", "", UnknownKind),
        (":80", "", UnknownKind),
        ("tcp", "tcp", Missing),
        ("tcp:ht\\tp", "ht\\tp", BadValue),
        ("haproxy:tcp:http", "http", BadValue),
        ("haproxy:tpc:80", "tpc", UnknownKind),
        ("haproxy", "", UnknownKind),
        ("tcp:80:127.0.0.1:6:more", "more", TooMany),
        ("tcp:80:port=81", "port", Twice),
        ("tcp:80:interface=::1", "interface", Twice),
        ("tcp:80:backlock=5", "backlock", UnknownOption),
        ("tcp6:80:interface=127.0.0.1", "127.0.0.1", BadValue),
        ("tcp:80\\", "\\", LoneBackslash),
        ("unix:", "", BadValue),
        ("stdio:more", "more", TooMany),
        ("systemd:INET", "systemd:INET", Contradiction),
        ("ssl:443:dhParameters=dh.pem", "dh.pem", BadValue),
        ("tls:443", "tls", Missing),
    ] {
        let error = description.parse::<ServerEndpoint>().expect_err(description);
        assert_eq!((&description[error.at.clone()], error.mistake), (part, mistake), "{error}");
        look_at(description, &error);
    }
}

#[test]
fn errors_of_an_inner_description_mark_it() {
    let error = r"tls:a:443:endpoint=bogus\:1".parse::<ClientEndpoint>().expect_err("it is bogus");
    assert_eq!((&error.description[error.at.clone()], error.mistake), (r"bogus\:1", EndpointMistake::UnknownKind));
}

#[test]
fn what_would_be_ignored_is_refused() {
    for (description, part) in [
        (r"tls:a:443:timeout=5:endpoint=unix\:/x", r"unix\:/x"),
        ("tls:a:443:private_key=k.pem", "k.pem"),
        ("ssl:a:443:privateKey=k.pem", "k.pem"),
        ("tcp:a:80:bind_port=4000", "4000"),
    ] {
        let error = description.parse::<ClientEndpoint>().expect_err(description);
        assert_eq!(&description[error.at.clone()], part, "{error}");
    }
}

#[test]
fn names_of_options_are_twisteds_too() {
    for (ours, theirs) in [
        ("tls:a:1:private_key=k:certificate=c:trust_roots=r", "tls:a:1:privateKey=k:certificate=c:trustRoots=r"),
        ("tcp:a:1:bind_address=10.0.0.1", "TCP:a:1:bindAddress=10.0.0.1"),
    ] {
        assert_eq!(ours.parse::<ClientEndpoint>(), theirs.parse::<ClientEndpoint>());
    }
}

#[test]
fn a_tls_server_is_known_by_a_number_or_by_its_certificate() {
    let files: ServerEndpoint = "tls:port=443:certificate=c.pem".parse().expect("a port");
    assert_eq!(files.to_string(), "tls:443:certificate=c.pem");
    let directory: ServerEndpoint = "tls:path=443".parse().expect("a directory");
    assert_eq!(directory.to_string(), "tls:path=443:port=443");
}

#[test]
fn words_of_ones_own_come_first() {
    let prefixes = Prefixes::new()
        .server("TCP", |_| Ok(ServerEndpoint::Stdio))
        .client("home", |_| Ok(TcpClient::new("::1", 80).into()));
    assert_eq!(prefixes.parse_server("tcp:80"), Ok(ServerEndpoint::Stdio));
    let inside = prefixes.parse_client("tls:example.com:443:endpoint=home").expect("an inner one");
    assert_eq!(inside.to_string(), r"tls:example.com:443:endpoint=tcp\:\\\:\\\:1\:80");
    let error = prefixes.parse_client("hom").expect_err("no word");
    assert!(error.problem.contains("did you mean `home`?"), "{error}");
}
