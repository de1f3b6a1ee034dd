//! Sends back each frame: lines, netstrings, strings behind their length in four bytes.

use memchr::memchr_iter;

use super::{Service, run, take_frames};
use crate::Result;

pub(super) const LONGEST_LINE: usize = 16384;
const LONGEST_STRING: usize = 99_999;

pub(in crate::servers) fn lines() -> Result {
    run(FrameEcho { answer: |input, out| each_line(input, |line| encode_line(line, out)) })
}

pub(in crate::servers) fn netstrings() -> Result {
    run(FrameEcho { answer: |input, out| each_string(input, decode_netstring, |string| encode_netstring(string, out)) })
}

pub(in crate::servers) fn strings() -> Result {
    run(FrameEcho { answer: |input, out| each_string(input, decode_string, |string| encode_string(string, out)) })
}

struct FrameEcho {
    /// Answers all whole frames of its input; how much of it they are. `None` if they cannot be right.
    answer: fn(&[u8], &mut Vec<u8>) -> Option<usize>,
}

impl Service for FrameEcho {
    /// The frame that has only partly arrived.
    type Session = Vec<u8>;

    fn respond<'a>(&mut self, tail: &mut Vec<u8>, input: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        scratch.clear();
        take_frames(tail, input, |input| (self.answer)(input, scratch))?;
        Some(scratch)
    }
}

/// Takes all whole lines; how much of the input they are. `None` if a line is too long.
pub(super) fn each_line(input: &[u8], mut take: impl FnMut(&[u8])) -> Option<usize> {
    let mut start = 0;
    for newline in memchr_iter(b'\n', input) {
        let Some(line) = input[start..newline].strip_suffix(b"\r") else { continue };
        if line.len() > LONGEST_LINE {
            return None;
        }
        take(line);
        start = newline + 1;
    }
    (input.len() - start < LONGEST_LINE + 2).then_some(start)
}

pub(super) fn encode_line(line: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    out.extend_from_slice(b"\r\n");
}

/// What is wrong with the bytes of a peer does not matter here: the connection ends.
struct Malformed;

/// A string, and how many bytes it is in its encoding; `None` if it has not arrived yet.
type Decoded<'a> = Result<Option<(&'a [u8], usize)>, Malformed>;

fn each_string(input: &[u8], decode: impl Fn(&[u8]) -> Decoded<'_>, mut take: impl FnMut(&[u8])) -> Option<usize> {
    let mut start = 0;
    while let Some((string, size)) = decode(&input[start..]).ok()? {
        take(string);
        start += size;
    }
    Some(start)
}

fn decode_netstring(input: &[u8]) -> Decoded<'_> {
    let mut length = 0;
    for (at, &byte) in input.iter().enumerate() {
        match byte {
            b'0'..=b'9' if at == 0 || length > 0 => length = length * 10 + usize::from(byte - b'0'),
            b':' if at > 0 => return payload(&input[at + 1..], length, at + 1),
            _ => return Err(Malformed),
        }
        if length > LONGEST_STRING {
            return Err(Malformed);
        }
    }
    Ok(None)
}

/// What follows a netstring's length, which was so many bytes itself.
fn payload(rest: &[u8], length: usize, head: usize) -> Decoded<'_> {
    match rest.get(length) {
        Some(b',') => Ok(Some((&rest[..length], head + length + 1))),
        Some(_) => Err(Malformed),
        None => Ok(None),
    }
}

fn encode_netstring(string: &[u8], out: &mut Vec<u8>) {
    let mut digits = [b':'; 21];
    let (mut first, mut rest) = (digits.len() - 1, string.len());
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
    out.extend_from_slice(string);
    out.push(b',');
}

fn decode_string(input: &[u8]) -> Decoded<'_> {
    let Some((head, rest)) = input.split_first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*head) as usize;
    if length > LONGEST_STRING {
        return Err(Malformed);
    }
    Ok(rest.get(..length).map(|string| (string, head.len() + length)))
}

fn encode_string(string: &[u8], out: &mut Vec<u8>) {
    // Longer ones than allowed are not decoded.
    out.extend_from_slice(&(string.len() as u32).to_be_bytes());
    out.extend_from_slice(string);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers to `frames`, which arrive in two parts.
    fn answers(answer: fn(&[u8], &mut Vec<u8>) -> Option<usize>, frames: &[u8], cut: usize) -> Vec<u8> {
        let (mut out, mut tail) = (Vec::new(), Vec::new());
        for part in [&frames[..cut], &frames[cut..]] {
            take_frames(&mut tail, part, |input| answer(input, &mut out)).expect("they are well-formed");
        }
        assert!(tail.is_empty(), "{} is left over", tail.escape_ascii());
        out
    }

    #[test]
    fn frames_are_answered_however_they_arrive() {
        let (lines, netstrings, strings) =
            (&b"a\nb\r\n\r\n"[..], &b"0:,12:hello, world,"[..], &b"\0\0\0\0\0\0\0\x02hi"[..]);
        for cut in 0..=lines.len() {
            assert_eq!(answers(|input, out| each_line(input, |s| encode_line(s, out)), lines, cut), lines);
        }
        let echo = |input: &[u8], out: &mut Vec<u8>| each_string(input, decode_netstring, |s| encode_netstring(s, out));
        for cut in 0..=netstrings.len() {
            assert_eq!(answers(echo, netstrings, cut), netstrings);
        }
        let echo = |input: &[u8], out: &mut Vec<u8>| each_string(input, decode_string, |s| encode_string(s, out));
        for cut in 0..=strings.len() {
            assert_eq!(answers(echo, strings, cut), strings);
        }
    }

    #[test]
    fn netstrings_that_cannot_be_right_are_refused() {
        for wrong in [&b"05:hello,"[..], b":", b"-1:", b"5:hello.", b"100000"] {
            assert!(decode_netstring(wrong).is_err(), "{}", wrong.escape_ascii());
        }
    }
}
