//! The PROXY header, version 1 and 2: what a proxy such as HAProxy says first about the client it speaks for.
//!
//! After HAProxy's specification, `doc/proxy-protocol.txt`. Twisted reads it in `protocols.haproxy`.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::{self, FromStr};

use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u128, u8};
use nom::{IResult, Parser};

use super::{Ends, Preface, Progress, Socket};
use crate::error::{ConnectionDone, ConnectionLost, Malformed};
use crate::failure::Failure;
use crate::protocol::{Address, UnixAddress};

/// A header as it arrives. Whatever the header claims to be long, 232 bytes of it are kept.
#[derive(Debug, Default)]
pub(crate) struct ProxyHeader {
    /// What has arrived of what matters: the line of version 1; of version 2 everything up to the addresses.
    head: Vec<u8>,
    /// The outcome, once it is known, and how many bytes of the header follow that say nothing to us.
    outcome: Option<(Proxied, usize)>,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxied {
    /// Nothing: the connection is the proxy's own, or of a family that has no address. The socket's addresses hold.
    Nothing,
    /// From whom the proxy had the connection, and where that client had gone to.
    Between { peer: Address, host: Address },
}

/// What every version 2 begins with: no other protocol does.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8] = b"PROXY ";
/// The longest line of version 1, with its end.
const LINE: usize = 107;
/// The fixed part of version 2.
const FIXED: usize = 16;

impl ProxyHeader {
    /// Takes of `bytes` what belongs to the header, and leaves the rest: `None` until it is complete.
    ///
    /// # Errors
    /// At the first byte that no header could have at its place.
    pub(crate) fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Proxied>, Malformed> {
        while self.outcome.is_none() {
            let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
            self.head.push(*first);
            *bytes = rest;
            self.outcome = parse(&self.head)?;
        }
        let Some((outcome, skip)) = &mut self.outcome else { return Ok(None) };
        let skipped = bytes.len().min(*skip);
        *bytes = &bytes[skipped..];
        *skip -= skipped;
        Ok((*skip == 0).then(|| outcome.clone()))
    }
}

impl Preface for ProxyHeader {
    /// The ends are who the proxy speaks for, from now on.
    fn advance(&mut self, socket: &mut Socket, ends: &mut Ends) -> Result<Progress, Failure> {
        let mut buffer = [0; 512];
        loop {
            let count = match socket.read(&mut buffer) {
                Ok(0) => return Err(self.end_of_input()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::of_a_peer(ConnectionLost::from(error))),
            };
            let mut bytes = &buffer[..count];
            let Some(said) = self.read(&mut bytes).map_err(Failure::of_a_peer)? else { continue };
            socket.unread(bytes);
            if let Proxied::Between { peer, host } = said {
                *ends = Ends { host, peer };
            }
            return Ok(Progress::Done);
        }
    }
}

impl ProxyHeader {
    /// Proxies look whether a server is there by connecting to it.
    fn end_of_input(&self) -> Failure {
        if self.head.is_empty() {
            Failure::of_a_peer(ConnectionDone)
        } else {
            Failure::of_a_peer(ConnectionLost::from(io::Error::from(ErrorKind::UnexpectedEof)))
        }
    }
}

/// What `head` says, and how much follows; `None` if it is too short to tell.
fn parse(head: &[u8]) -> Result<Option<(Proxied, usize)>, Malformed> {
    if head.starts_with(WORD) {
        parse_line(head)
    } else if head.starts_with(SIGNATURE) {
        parse_binary(head)
    } else if WORD.starts_with(head) || SIGNATURE.starts_with(head) {
        Ok(None)
    } else {
        Err(Malformed::new("the beginning of a PROXY header", head))
    }
}

fn parse_line(head: &[u8]) -> Result<Option<(Proxied, usize)>, Malformed> {
    let Some(line) = head.strip_suffix(b"\r\n") else {
        let fits = head.len() < LINE;
        return if fits { Ok(None) } else { Err(Malformed::new("the end of a PROXY header's 107 bytes", head)) };
    };
    let wrong = |expected| move || Malformed::new(expected, line);
    let text = str::from_utf8(&line[WORD.len()..]).map_err(|_| wrong("a PROXY header in ASCII")())?;
    let proxied = match text.split(' ').collect::<Vec<_>>()[..] {
        // Whatever follows is to be ignored.
        ["UNKNOWN", ..] => Some(Proxied::Nothing),
        ["TCP4", ref ends @ ..] => between::<Ipv4Addr>(ends),
        ["TCP6", ref ends @ ..] => between::<Ipv6Addr>(ends),
        _ => return Err(wrong("`TCP4`, `TCP6` or `UNKNOWN` in a PROXY header")()),
    };
    let proxied = proxied.ok_or_else(wrong("two addresses and two ports in a PROXY header"))?;
    Ok(Some((proxied, 0)))
}

fn between<Ip: FromStr + Into<IpAddr>>(ends: &[&str]) -> Option<Proxied> {
    let &[peer, host, peer_port, host_port] = ends else { return None };
    let end = |ip: &str, port: &str| {
        let ip: Ip = ip.parse().ok()?;
        Some(Address::Tcp(SocketAddr::new(ip.into(), parse_port(port)?)))
    };
    Some(Proxied::Between { peer: end(peer, peer_port)?, host: end(host, host_port)? })
}

/// A port as it is written: no sign, no zero in front.
fn parse_port(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port.to_string() == text).then_some(port)
}

fn parse_binary(head: &[u8]) -> Result<Option<(Proxied, usize)>, Malformed> {
    let [version_and_command, family_and_kind, high, low] = head[SIGNATURE.len()..] else {
        return if head.len() < FIXED { Ok(None) } else { parse_addresses(head) };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let wrong = |expected, byte| Err(Malformed::new(expected, &[byte]));
    match (version_and_command, family_and_kind) {
        // The proxy's own: whatever follows is to be ignored.
        (0x20, _) => Ok(Some((Proxied::Nothing, length))),
        (0x21, kind) if kind >> 4 > 3 || kind & 0xf > 2 => wrong("a known family in a PROXY header", kind),
        (0x21, kind) => match length_of_addresses(kind) {
            0 => Ok(Some((Proxied::Nothing, length))),
            addresses if length < addresses => {
                Err(Malformed::new("a PROXY header long enough for its addresses", &[high, low]))
            }
            _addresses_follow => Ok(None),
        },
        (other, _) => wrong("version 2 of a PROXY header, and a known command", other),
    }
}

/// Behind the fixed part; 0 where there are none.
const fn length_of_addresses(family_and_kind: u8) -> usize {
    match family_and_kind {
        0x11 | 0x12 => 2 * (4 + 2),
        0x21 | 0x22 => 2 * (16 + 2),
        0x31 | 0x32 => 2 * 108,
        _ => 0,
    }
}

fn parse_addresses(head: &[u8]) -> Result<Option<(Proxied, usize)>, Malformed> {
    let (family_and_kind, addresses) = (head[FIXED - 3], &head[FIXED..]);
    if addresses.len() < length_of_addresses(family_and_kind) {
        return Ok(None);
    }
    let length = usize::from(u16::from_be_bytes([head[FIXED - 2], head[FIXED - 1]]));
    let parsed = match family_and_kind >> 4 {
        1 => inet4(addresses),
        2 => inet6(addresses),
        _ => unix(addresses),
    };
    let (_, (peer, host)) = parsed.map_err(|_| Malformed::new("the addresses of a PROXY header", addresses))?;
    let as_kind = |address| match address {
        Address::Tcp(address) if family_and_kind & 0xf == 2 => Address::Udp(address),
        other => other,
    };
    let proxied = Proxied::Between { peer: as_kind(peer), host: as_kind(host) };
    Ok(Some((proxied, length - addresses.len())))
}

fn inet4(input: &[u8]) -> IResult<&[u8], (Address, Address)> {
    let ip = || (u8, u8, u8, u8).map(|(a, b, c, d)| Ipv4Addr::new(a, b, c, d).into());
    pair(ip(), ip()).parse(input)
}

fn inet6(input: &[u8]) -> IResult<&[u8], (Address, Address)> {
    let ip = || be_u128.map(|bits| Ipv6Addr::from(bits).into());
    pair(ip(), ip()).parse(input)
}

/// Two addresses, and then their ports.
fn pair<'a, Ip>(
    peer: Ip,
    host: Ip,
) -> impl Parser<&'a [u8], Output = (Address, Address), Error = nom::error::Error<&'a [u8]>>
where
    Ip: Parser<&'a [u8], Output = IpAddr, Error = nom::error::Error<&'a [u8]>>,
{
    (peer, host, be_u16, be_u16).map(|(peer, host, peer_port, host_port)| {
        (SocketAddr::new(peer, peer_port).into(), SocketAddr::new(host, host_port).into())
    })
}

fn unix(input: &[u8]) -> IResult<&[u8], (Address, Address)> {
    let end = || take(108usize).map(|bytes| unix_address(bytes).into());
    (end(), end()).parse(input)
}

/// An address in a field that is filled with zeros: a path, an abstract name behind a zero, or nothing.
fn unix_address(field: &[u8]) -> UnixAddress {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let used = &field[..field.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)];
    match used {
        [] => UnixAddress::UNNAMED,
        [0, name @ ..] => UnixAddress::from_abstract_name(name),
        path => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            UnixAddress::from_path(OsStr::from_bytes(&path[..end]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(address: &str) -> Address {
        Address::Tcp(address.parse().expect("an address"))
    }

    fn between(peer: &str, host: &str) -> Proxied {
        Proxied::Between { peer: tcp(peer), host: tcp(host) }
    }

    fn binary(command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        [SIGNATURE, &[command, family], &length.to_be_bytes(), rest].concat()
    }

    fn read(bytes: &[u8]) -> Result<(Option<Proxied>, Vec<u8>), Malformed> {
        let (mut header, mut rest) = (ProxyHeader::default(), bytes);
        header.read(&mut rest).map(|said| (said, rest.to_owned()))
    }

    /// Headers, and what they say.
    fn good() -> Vec<(Vec<u8>, Proxied)> {
        let inet = [10, 0, 0, 1, 10, 0, 0, 2, 0x1f, 0x90, 0x01, 0xbb];
        let mut inet6 = [0; 36];
        (inet6[15], inet6[31], inet6[33], inet6[35]) = (1, 2, 7, 9);
        let mut names = [0; 216];
        names[..6].copy_from_slice(b"/a.soc");
        names[109..112].copy_from_slice(b"bus");
        let unix = Proxied::Between {
            peer: UnixAddress::from_path("/a.soc").into(),
            host: UnixAddress::from_abstract_name("bus").into(),
        };
        let udp = Proxied::Between {
            peer: Address::Udp(([10, 0, 0, 1], 8080).into()),
            host: Address::Udp(([10, 0, 0, 2], 443).into()),
        };
        vec![
            (b"PROXY TCP4 10.0.0.1 10.0.0.2 8080 443\r\n".to_vec(), between("10.0.0.1:8080", "10.0.0.2:443")),
            (b"PROXY TCP6 ::1 FE80::2 7 0\r\n".to_vec(), between("[::1]:7", "[fe80::2]:0")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Proxied::Nothing),
            (b"PROXY UNKNOWN whatever 1 2 3 4 5\r\n".to_vec(), Proxied::Nothing),
            (binary(0x21, 0x11, 12, &inet), between("10.0.0.1:8080", "10.0.0.2:443")),
            (
                binary(0x21, 0x11, 19, &[&inet[..], b"\x03\0\x04four"].concat()),
                between("10.0.0.1:8080", "10.0.0.2:443"),
            ),
            (binary(0x21, 0x12, 12, &inet), udp),
            (binary(0x21, 0x21, 36, &inet6), between("[::1]:7", "[::2]:9")),
            (binary(0x21, 0x31, 216, &names), unix),
            (binary(0x20, 0x11, 12, &inet), Proxied::Nothing),
            (binary(0x20, 0xff, 3, b"abc"), Proxied::Nothing),
            (binary(0x21, 0x00, 0, b""), Proxied::Nothing),
            (binary(0x21, 0x00, u16::MAX, &[b'x'; u16::MAX as usize]), Proxied::Nothing),
        ]
    }

    #[test]
    fn headers_are_read_and_what_follows_is_left() {
        for (header, says) in good() {
            let (said, left) = read(&[&header[..], b"PROXY hello\r\n"].concat()).expect("a header");
            assert_eq!(
                (said, &left[..]),
                (Some(says), &b"PROXY hello\r\n"[..]),
                "{}",
                header[..16.min(header.len())].escape_ascii()
            );
        }
    }

    #[test]
    fn headers_may_come_byte_by_byte() {
        for (bytes, says) in good() {
            let mut header = ProxyHeader::default();
            let (last, all_but) = bytes.split_last().expect("not empty");
            for byte in all_but {
                assert_eq!(header.read(&mut &[*byte][..]), Ok(None));
            }
            assert_eq!(header.read(&mut &[*last, b'!'][..]), Ok(Some(says)));
            assert!(header.head.len() <= FIXED + 216, "{} bytes are kept", header.head.len());
        }
    }

    #[test]
    fn what_is_no_header_is_refused_at_once() {
        for (bytes, expected) in [
            (&b"G"[..], "the beginning"),
            (b"PROXY_", "the beginning"),
            (b"\r\n\r\nQ", "the beginning"),
            (b"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", "`TCP4`"),
            (b"PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n", "`TCP4`"),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", "two addresses"),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", "two addresses"),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", "two addresses"),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n", "two addresses"),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", "two addresses"),
            (b"PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n", "two addresses"),
            (b"PROXY TCP4 ::1 ::1 1 1\r\n", "two addresses"),
            (b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n", "two addresses"),
            (b"PROXY TCP4 \xff 1.1.1.1 1 1\r\n", "ASCII"),
        ] {
            let error = read(bytes).expect_err("no header");
            assert!(error.expected.contains(expected), "{}: {error}", bytes.escape_ascii());
        }
        for (bytes, expected) in [
            (binary(0x11, 0x11, 12, b""), "version 2"),
            (binary(0x22, 0x11, 12, b""), "version 2"),
            (binary(0x21, 0x41, 12, b""), "a known family"),
            (binary(0x21, 0x13, 12, b""), "a known family"),
            (binary(0x21, 0x11, 11, b""), "long enough"),
        ] {
            let error = read(&bytes).expect_err("no header");
            assert!(error.expected.contains(expected), "{}: {error}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_line_has_107_bytes_at_most() {
        let unknown = |length: usize| [b"PROXY UNKNOWN ", &vec![b'x'; length - 16][..], b"\r\n"].concat();
        assert_eq!(read(&unknown(107)), Ok((Some(Proxied::Nothing), Vec::new())));
        assert!(read(&unknown(108)).is_err());
    }

    #[test]
    fn noise_is_refused_or_waited_for() {
        for _ in 0..20_000 {
            let begin: &[u8] = fastrand::choice([WORD, SIGNATURE, b"PROXY TCP4 ", &[]]).expect("one of them");
            let noise: Vec<u8> = (0..fastrand::usize(..300)).map(|_| fastrand::u8(..)).collect();
            let bytes = [begin, &noise].concat();
            if let Ok((None, rest)) = read(&bytes) {
                assert_eq!(rest, b"", "all of what is not enough was taken");
            }
        }
    }
}
