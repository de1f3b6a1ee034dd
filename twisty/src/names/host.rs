//! What stands for a host, as far as it can be told without asking anybody.

use std::borrow::Cow;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use idna::AsciiDenyList;

/// What a text stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// These addresses.
    Known(Vec<SocketAddr>),
    /// A name, in ASCII.
    Name(String),
}

impl Host {
    /// Longest name that the DNS carries, in bytes, without the dot at its end.
    const LONGEST: usize = 253;
    /// Longest part between two dots.
    const LONGEST_LABEL: usize = 63;

    pub(super) fn parse(host: &str, port: u16) -> io::Result<Self> {
        if let Some(address) = parse_address(host, port) {
            return Ok(Self::Known(vec![address]));
        }
        let name = to_ascii(host)?;
        // Digits of other scripts have become ours.
        if let Some(address) = parse_address(&name, port) {
            return Ok(Self::Known(vec![address]));
        }
        check(&name).map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        if is_localhost(&name) {
            let here = [(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()];
            return Ok(Self::Known(here.into()));
        }
        Ok(Self::Name(name.into_owned()))
    }
}

/// An IP address, where it is one: of version 6 also in brackets, and with a scope.
fn parse_address(host: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return Some((v4, port).into());
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    format!("[{bare}]:{port}").parse::<SocketAddrV6>().ok().map(SocketAddr::from)
}

fn to_ascii(name: &str) -> io::Result<Cow<'_, str>> {
    if name.is_ascii() {
        return Ok(name.into());
    }
    let refused = |_| io::Error::new(io::ErrorKind::InvalidInput, "it has no form in ASCII (IDNA)");
    idna::domain_to_ascii_cow(name.as_bytes(), AsciiDenyList::URL).map_err(refused)
}

/// What is wrong with a name. Strict, since system libraries are not: some take `127.0.0.1 and more` for an address.
fn check(name: &str) -> Result<(), String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Some(odd) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        let hint = if odd == ':' { ", and an IPv6 address says its scope as a number: fe80::1%2" } else { "" };
        return Err(format!("it contains {odd:?}, a name is of letters, digits, `-`, `_` and `.`{hint}"));
    }
    if name.len() > Host::LONGEST {
        return Err(format!("it has {} bytes, {} are allowed", name.len(), Host::LONGEST));
    }
    match name.split('.').find(|label| label.is_empty() || label.len() > Host::LONGEST_LABEL) {
        None if ends_in_number(name) => {
            Err("it ends in a number, as no name does, and an IPv4 address has four parts, each decimal".to_owned())
        }
        None => Ok(()),
        Some("") => Err("there is nothing between two of its dots".to_owned()),
        Some(label) => {
            Err(format!("a part of it has {} bytes, {} are allowed between dots", label.len(), Host::LONGEST_LABEL))
        }
    }
}

/// What system libraries take for an address, such as `127.1` or `0x7f.1`, would get past who looks for addresses.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_hex = hex.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    is_hex || last.bytes().all(|digit| digit.is_ascii_digit())
}

/// RFC 6761, section 6.3: `localhost` and whatever is below it.
fn is_localhost(name: &str) -> bool {
    let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next();
    last.is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(host: &str) -> Vec<String> {
        match Host::parse(host, 80) {
            Ok(Host::Known(addresses)) => addresses.iter().map(SocketAddr::to_string).collect(),
            other => panic!("{host} is {other:?}"),
        }
    }

    fn problem(host: &str) -> String {
        let error = Host::parse(host, 80).expect_err("it is no name");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn addresses_need_nobody() {
        assert_eq!(known("192.0.2.1"), ["192.0.2.1:80"]);
        assert_eq!(known("::1"), ["[::1]:80"]);
        assert_eq!(known("[2001:db8::1]"), ["[2001:db8::1]:80"]);
        assert_eq!(known("fe80::1%2"), ["[fe80::1%2]:80"]);
        assert_eq!(known("１９２.０.２.１"), ["192.0.2.1:80"]);
    }

    #[test]
    fn localhost_is_here() {
        for name in ["localhost", "LocalHost", "localhost.", "a.b.localhost"] {
            assert_eq!(known(name), ["[::1]:80", "127.0.0.1:80"], "{name}");
        }
    }

    #[test]
    fn names_are_ascii_afterwards() {
        let longest = format!("{}.{}.{}.{}.", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        for (given, name) in [
            ("Example.com", "Example.com"),
            ("example.com.", "example.com."),
            ("_srv.mylocalhost", "_srv.mylocalhost"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            (&longest, &longest),
        ] {
            assert_eq!(Host::parse(given, 80).expect("a name"), Host::Name(name.to_owned()));
        }
    }

    #[test]
    fn what_is_no_name_says_why() {
        assert_eq!(problem(""), "it is empty");
        assert_eq!(problem("."), "it is empty");
        assert_eq!(problem("a..b"), "there is nothing between two of its dots");
        assert_eq!(problem(".a"), "there is nothing between two of its dots");
        assert!(problem("example.com\0").starts_with("it contains '\\0'"));
        for number in ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.0x1", "256.0.0.1", "127.0.0.1."] {
            assert!(problem(number).starts_with("it ends in a number"), "{number}");
        }
        assert!(problem("127.0.0.1 and more").starts_with("it contains ' '"));
        assert!(problem("fe80::1%eth0").ends_with("its scope as a number: fe80::1%2"));
        assert!(problem("[::1").starts_with("it contains '['"));
        assert_eq!(problem(&"ab.".repeat(85)), "it has 254 bytes, 253 are allowed");
        assert_eq!(problem(&"a".repeat(64)), "a part of it has 64 bytes, 63 are allowed between dots");
        assert_eq!(problem("bü\0cher"), "it has no form in ASCII (IDNA)");
        assert_eq!(problem("\u{ad}"), "it is empty", "nothing is left of it");
    }
}
