//! A length that the peer says is believed only as far as its bytes arrive.

use twisty::framing::{Endian, LengthPrefixed, Netstring, Prefix};
use twisty::prelude::*;

use crate::recorder::Record;

/// Far more than these tests use, far less than the lengths that the peer says.
const ENOUGH: u64 = 6 << 30;

/// The largest size that the address space of this process ever had, in bytes; it shows even what was never touched.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The frame never ends, so all that came must be there unread, and nothing else.
fn believes_only_what_arrives<F: Framing>(framing: F, header: &[u8]) {
    let (server, client) = Record::new(framing).connect();
    client.receive(header).receive("only").receive(" this");
    assert!(client.is_connected(), "{:?}", server.factory().told);
    assert_eq!(client.unread(), [header, b"only this"].concat());
    if let Some(peak) = peak() {
        assert!(peak < ENOUGH, "{peak} bytes were asked of the system for {} that arrived", header.len() + 9);
    }
}

#[test]
fn a_binary_length() {
    for length in [1 << 33, 1 << 40, 1 << 60, (1 << 63) - 1, u64::MAX - 8, u64::MAX] {
        let big = LengthPrefixed::new(Prefix::U64).max_length(usize::MAX);
        believes_only_what_arrives(big, &length.to_be_bytes());
        believes_only_what_arrives(big.endian(Endian::Little), &length.to_le_bytes());
    }
    believes_only_what_arrives(LengthPrefixed::int32().max_length(usize::MAX), &u32::MAX.to_be_bytes());
}

#[test]
fn a_decimal_length() {
    for digits in ["8589934592", "1152921504606846976"] {
        believes_only_what_arrives(Netstring::new().max_length(usize::MAX), format!("{digits}:").as_bytes());
    }
}

#[test]
fn a_raw_stretch() {
    let mut line = Line::new();
    line.set_raw_mode_for(usize::MAX);
    let (server, client) = Record::new(line).connect();
    client.receive("only").receive(" this");
    assert_eq!((server.factory().told.raw.len(), client.unread().len()), (9, 0));
}

/// Over the limit by any amount: refused at the prefix, with its length.
#[test]
fn a_length_over_the_limit() {
    for length in [100_000, 1 << 33, 1 << 60, u64::MAX] {
        let (server, client) = Record::new(LengthPrefixed::new(Prefix::U64)).connect();
        client.receive(length.to_be_bytes());
        let actual = usize::try_from(length).unwrap_or(usize::MAX);
        let overlong = twisty::Overlong { length: actual, max_length: LengthPrefixed::MAX_LENGTH };
        assert_eq!(server.factory().told.error, Some(overlong.into()));
    }
}
