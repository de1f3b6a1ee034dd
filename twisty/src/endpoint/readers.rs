//! How the values of descriptions are read, and written again.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::arguments::Argument;
use super::fields::quote;
use crate::protocol::UnixAddress;

pub(super) const PORT: Argument<u16> = Argument::new("port", "a number from 0 to 65535", number);
pub(super) const HOST: Argument<String> = Argument::new("host", "a name or an address", text);
pub(super) const BACKLOG: Argument<u16> = Argument::new("backlog", "a number from 0 to 65535", number);
pub(super) const TIMEOUT: Argument<Duration> = Argument::new("timeout", SECONDS, seconds);
pub(super) const LOCKFILE: Argument<bool> = Argument::new("lockfile", YES_OR_NO, yes_or_no);
pub(super) const MODE: Argument<u32> = Argument::new("mode", "permissions in octal, such as 660", octal);
pub(super) const MAX_PACKET_SIZE: Argument<usize> =
    Argument::new("max_packet_size", "a number of bytes, at least 1", |text| number(text).filter(|bytes| *bytes > 0));

pub(super) const YES_OR_NO: &str = "`yes` or `no`";
pub(super) const SECONDS: &str = "a number of seconds, such as 30 or 0.5";
pub(super) const PATH: &str = "a path";

pub(super) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn path(path: &str) -> Option<PathBuf> {
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// Digits and nothing else, where the standard library takes a `+` too.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" | "1" | "true" => Some(true),
        "no" | "0" | "false" => Some(false),
        _ => None,
    }
}

/// Seconds with up to nine decimals.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || decimals.len() > 9 {
        return None;
    }
    Some(Duration::new(number(whole)?, number(&format!("{decimals:0<9}"))?))
}

/// The way back from [`seconds`].
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        match nanos {
            0 => write!(f, "{whole}"),
            _ => write!(f, "{whole}.{}", format!("{nanos:09}").trim_end_matches('0')),
        }
    }
}

/// Permissions: what `chmod` takes, up to 7777.
fn octal(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    digits.then(|| u32::from_str_radix(text, 8).ok())?.filter(|mode| *mode <= 0o7777)
}

/// An address without a port; of version 6 with its scope as a number behind `%`, where it has one.
pub(super) fn interface(text: &str) -> Option<SocketAddr> {
    let v4 = text.parse::<Ipv4Addr>().map(|v4| SocketAddr::from((v4, 0)));
    v4.ok().or_else(|| format!("[{text}]:0").parse::<SocketAddrV6>().ok().map(SocketAddr::from))
}

/// The way back from [`interface`].
pub(super) fn interface_of(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}

pub(super) const ANY_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
pub(super) const ANY_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The address of an IPv6 socket without what no description says: the flow.
pub(super) fn without_flow(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(v6) = &mut address {
        v6.set_flowinfo(0);
    }
    address
}

/// A path, or an abstract name behind an `@`, as systemd writes it.
pub(super) fn unix_address(text: &str) -> Option<UnixAddress> {
    match text.strip_prefix('@') {
        Some("") => None,
        Some(name) => Some(UnixAddress::from_abstract_name(name)),
        None => path(text).map(UnixAddress::from_path),
    }
}

/// The address of a file, in a form that is not taken for an abstract name.
pub(super) fn file_address(path: &Path) -> UnixAddress {
    let misleading = path.to_str().is_some_and(|path| path.starts_with('@'));
    UnixAddress::from_path(if misleading { Cow::Owned(Path::new(".").join(path)) } else { Cow::Borrowed(path) })
}

/// Writes `:value`.
pub(super) fn write_value(f: &mut fmt::Formatter<'_>, value: impl fmt::Display) -> fmt::Result {
    write!(f, ":{}", quote(&value.to_string()))
}

/// Writes `:name=value`; nothing for a value that goes without saying.
pub(super) fn write_option<T>(
    f: &mut fmt::Formatter<'_>,
    argument: &Argument<T>,
    value: Option<impl fmt::Display>,
) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, ":{}={}", argument.name, quote(&value.to_string())))
}

/// `yes` or `no`, where it is not what goes without saying.
pub(super) fn unless(default: bool, value: bool) -> Option<&'static str> {
    (value != default).then_some(if value { "yes" } else { "no" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits() {
        assert_eq!(number::<u16>("8007"), Some(8007));
        for odd in ["+80", "-1", " 80", "8_0", "65536", "", "٣"] {
            assert_eq!(number::<u16>(odd), None, "{odd}");
        }
    }

    #[test]
    fn seconds_are_written_as_they_are_read() {
        for text in ["0", "30", "0.5", "1.000000001", "18446744073709551615"] {
            assert_eq!(Seconds(seconds(text).expect(text)).to_string(), text);
        }
        for odd in ["", ".5", "5.", "1.0000000001", "-1", "1e3", "1.-5"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }

    #[test]
    fn permissions_are_octal() {
        assert_eq!((octal("660"), octal("0660"), octal("7777")), (Some(0o660), Some(0o660), Some(0o7777)));
        assert_eq!((octal("888"), octal("+66"), octal(""), octal("10000")), (None, None, None, None));
    }

    #[test]
    fn interfaces_have_scopes() {
        let link_local = interface("fe80::1%2").expect("an address");
        assert_eq!(interface_of(&link_local), "fe80::1%2");
        for odd in ["eth0", "", "127.1", "::1]:5", "fe80::1%eth0"] {
            assert_eq!(interface(odd), None, "{odd}");
        }
    }
}
