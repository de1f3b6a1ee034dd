//! Frames out of a stream in memory: a loop by hand, tokio-util's codecs, twisty and nom.
//!
//! Run: `cargo bench -p benches --bench framing`      Shorter: `… --bench framing -- --quick "64 B"`
//!
//! A piece of work is a stream of about 256 KiB in chunks of 8 KiB, as reads bring them. Nearly every chunk ends within a
//! frame, whose beginning has to be kept. What comes out is counted, with a sum of its lengths and of each frame's first
//! and last byte. Times are per frame, allocations those of the whole stream.
//!
//! - "by hand" looks for delimiters with `memchr`, or reads the length, in the chunk itself; after an unfinished frame,
//!   in that frame with the chunk behind it. It refuses what is too long or malformed, as a server has to.
//! - "twisty, Framing" and nom are called in the very same loop, so that only the parsers differ. nom's are those that
//!   its documentation would have one write, streaming and without limits.
//! - "twisty, whole connection" is all that lies between the socket and a handler, in a `testing::Server`. That keeps
//!   each chunk in a `Vec` of its own, as its network: the one allocation a chunk is the test double's.
//! - The codecs decode out of a `BytesMut` that the chunk is appended to: what the others copy too, to an unfinished
//!   frame. `LinesCodec` makes a `String` of each line, `LengthDelimitedCodec` shares its buffer. There is no codec for
//!   netstrings in tokio-util.
//! - The allocator counts allocations. While the clock runs it only asks whether it should.

use std::cell::Cell;
use std::rc::Rc;

use benches::Result;
use benches::aim::Aim;
use benches::contest::Contest;
use benches::options::Options;
use memchr::memchr_iter;
use nom::bytes::streaming::{tag, take_until};
use nom::character::streaming::{char, u32};
use nom::multi::length_data;
use nom::number::streaming::be_u32;
use nom::sequence::terminated;
use nom::{IResult, Parser};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, LengthDelimitedCodec, LinesCodec};
use twisty::framing::{Decoded, Framing, LengthPrefixed, Line, Netstring};
use twisty::prelude::*;
use twisty::testing::Server;

/// What one read brings.
const CHUNK: usize = 8 * 1024;
const STREAM: usize = 32 * CHUNK;
const LONGEST: usize = 16_384;

fn main() -> Result {
    let mut contests: Vec<_> =
        [16, 64, 1024].into_iter().flat_map(|size| [lines(size), strings(size), netstrings(size)]).collect();
    for contest in &mut contests {
        contest.count_allocations(|work| allocation_counter::measure(work).count_total);
    }
    let mut result = Ok(());
    allocation_counter::opt_out(|| result = Options::parse().hold(&mut contests));
    result
}

fn lines(size: usize) -> Contest {
    let stream = Stream::new(size, &Line::new());
    let mut codec = LinesCodec::new_with_max_length(LONGEST);
    let contest = Contest::new(format!("lines, {size} B"), stream.frames())
        .way("by hand, memchr", stream.decode(keeping_tail(lines_by_hand)))
        .way("tokio-util, LinesCodec", stream.decode(appending(move |buffer| codec.decode(buffer).ok().flatten())))
        .way("twisty, Framing", stream.decode(keeping_tail(framing(Line::new()))));
    aiming(contest, size, &[0.9, 3.5]).way("twisty, whole connection", stream.decode(connection::<CountLines>())).way(
        "nom",
        stream.decode(keeping_tail(with_nom(|input| terminated(take_until("\r\n"), tag("\r\n")).parse(input)))),
    )
}

fn strings(size: usize) -> Contest {
    let stream = Stream::new(size, &LengthPrefixed::int32());
    let mut codec = LengthDelimitedCodec::new();
    let contest = Contest::new(format!("u32-prefixed, {size} B"), stream.frames())
        .way("by hand", stream.decode(keeping_tail(strings_by_hand)))
        .way(
            "tokio-util, LengthDelimitedCodec",
            stream.decode(appending(move |buffer| codec.decode(buffer).ok().flatten())),
        )
        .way("twisty, Framing", stream.decode(keeping_tail(framing(LengthPrefixed::int32()))));
    aiming(contest, size, &[0.8, 5.0])
        .way("twisty, whole connection", stream.decode(connection::<CountStrings>()))
        .way("nom", stream.decode(keeping_tail(with_nom(|input| length_data(be_u32).parse(input)))))
}

fn netstrings(size: usize) -> Contest {
    let stream = Stream::new(size, &Netstring::new());
    let contest = Contest::new(format!("netstrings, {size} B"), stream.frames())
        .way("by hand", stream.decode(keeping_tail(netstrings_by_hand)))
        .way(
            "nom",
            stream.decode(keeping_tail(with_nom(|input| {
                terminated(length_data(terminated(u32, char(':'))), char(',')).parse(input)
            }))),
        )
        .way("twisty, Framing", stream.decode(keeping_tail(framing(Netstring::new()))));
    aiming(contest, size, &[0.8]).way("twisty, whole connection", stream.decode(connection::<CountNetstrings>()))
}

/// What the way that was added last should reach, with frames of 64 bytes: so many times the bytes per second of the
/// first way, of the second.
fn aiming(contest: Contest, size: usize, factors: &[f64]) -> Contest {
    let aims = factors.iter().enumerate().map(|(of, factor)| Aim::Times { most: 1.0 / factor, of });
    aims.filter(|_| size == 64).fold(contest, Contest::aim)
}

// ---- the stream, and what comes out of it

/// Frames as they travel.
#[derive(Clone)]
struct Stream {
    bytes: Rc<[u8]>,
    expected: Tally,
}

/// What a way has seen of the frames.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    frames: usize,
    bytes: usize,
    ends: u64,
}

impl Stream {
    fn new(size: usize, framing: &impl Framing) -> Self {
        let (mut bytes, mut expected) = (Vec::new(), Tally::default());
        while bytes.len() < STREAM {
            let frame: Vec<_> = (b'a'..=b'z').cycle().skip(expected.frames % 26).take(size).collect();
            let _fits = framing.encode(&frame, &mut bytes);
            expected.add(&frame);
        }
        Self { bytes: bytes.into(), expected }
    }

    fn frames(&self) -> usize {
        self.expected.frames
    }

    /// The work of a way: it is handed one chunk after the other, and must have seen all frames in the end.
    fn decode(&self, mut decode: impl FnMut(&[u8], &mut Tally) + 'static) -> impl FnMut() + 'static {
        let stream = self.clone();
        move || {
            let mut tally = Tally::default();
            for chunk in stream.bytes.chunks(CHUNK) {
                decode(chunk, &mut tally);
            }
            assert_eq!(tally, stream.expected);
        }
    }
}

impl Tally {
    #[inline]
    fn add(&mut self, frame: &[u8]) {
        self.frames += 1;
        self.bytes += frame.len();
        if let [first, .., last] = frame {
            self.ends += u64::from(*first) + u64::from(*last);
        }
    }
}

// ---- the loop around parsers that leave unfinished frames to others

/// Has the chunk parsed where it lies, or behind the unfinished frame before it. `parse` says how many bytes its whole
/// frames took, `None` if there is something wrong with them.
fn keeping_tail(mut parse: impl FnMut(&[u8], &mut Tally) -> Option<usize>) -> impl FnMut(&[u8], &mut Tally) {
    let mut tail = Vec::new();
    move |chunk, tally| {
        if tail.is_empty() {
            let used = parse(chunk, tally).expect("the stream is well-formed");
            tail.extend_from_slice(&chunk[used..]);
        } else {
            tail.extend_from_slice(chunk);
            let used = parse(&tail, tally).expect("the stream is well-formed");
            tail.drain(..used);
        }
    }
}

fn lines_by_hand(input: &[u8], tally: &mut Tally) -> Option<usize> {
    let mut start = 0;
    for newline in memchr_iter(b'\n', input) {
        let Some(line) = input[start..newline].strip_suffix(b"\r") else { continue };
        if line.len() > LONGEST {
            return None;
        }
        tally.add(line);
        start = newline + 1;
    }
    (input.len() - start < LONGEST + 2).then_some(start)
}

fn strings_by_hand(input: &[u8], tally: &mut Tally) -> Option<usize> {
    let mut start = 0;
    while let Some(prefix) = input[start..].first_chunk() {
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > LONGEST {
            return None;
        }
        let Some(string) = input[start + 4..].get(..length) else { break };
        tally.add(string);
        start += 4 + length;
    }
    Some(start)
}

fn netstrings_by_hand(input: &[u8], tally: &mut Tally) -> Option<usize> {
    let mut start = 0;
    'strings: loop {
        let (mut length, mut at) = (0, start);
        loop {
            match input.get(at) {
                Some(digit @ b'0'..=b'9') => length = length * 10 + usize::from(digit - b'0'),
                Some(b':') if at > start => break,
                Some(_) => return None,
                None => break 'strings,
            }
            if length > LONGEST {
                return None;
            }
            at += 1;
        }
        match input[at + 1..].get(..=length).and_then(<[u8]>::split_last) {
            Some((b',', string)) => tally.add(string),
            Some(_) => return None,
            None => break,
        }
        start = at + 1 + length + 1;
    }
    Some(start)
}

/// The loop of [`Framing`]'s contract.
fn framing(mut framing: impl Framing) -> impl FnMut(&[u8], &mut Tally) -> Option<usize> {
    move |input, tally| {
        let Decoded::Frame { frame, consumed: mut used } = framing.decode(input).ok()? else { return Some(0) };
        tally.add(frame);
        while used < input.len() {
            let Decoded::Frame { frame, consumed } = framing.decode_next(&input[used..]).ok()? else { break };
            tally.add(frame);
            used += consumed;
        }
        Some(used)
    }
}

fn with_nom(mut frame: impl FnMut(&[u8]) -> IResult<&[u8], &[u8]>) -> impl FnMut(&[u8], &mut Tally) -> Option<usize> {
    move |input, tally| {
        let mut rest = input;
        loop {
            match frame(rest) {
                Ok((after, frame)) => {
                    tally.add(frame);
                    rest = after;
                }
                Err(nom::Err::Incomplete(_)) => return Some(input.len() - rest.len()),
                Err(_) => return None,
            }
        }
    }
}

// ---- those that keep unfinished frames themselves

/// `decode` takes a frame out of the buffer, if there is one.
fn appending<T: AsRef<[u8]>>(mut decode: impl FnMut(&mut BytesMut) -> Option<T>) -> impl FnMut(&[u8], &mut Tally) {
    let mut buffer = BytesMut::new();
    move |chunk, tally| {
        buffer.extend_from_slice(chunk);
        while let Some(frame) = decode(&mut buffer) {
            tally.add(frame.as_ref());
        }
    }
}

thread_local! {
    /// What the connection's handler has seen.
    static SEEN: Cell<Tally> = const { Cell::new(Tally { frames: 0, bytes: 0, ends: 0 }) };
}

fn connection<P: Protocol<Factory = ForProtocol<P>> + Default>() -> impl FnMut(&[u8], &mut Tally) {
    let client = Server::new(ForProtocol::<P>::default()).connect();
    move |chunk, tally| {
        SEEN.set(*tally);
        client.receive(chunk);
        *tally = SEEN.get();
    }
}

fn see(frame: &[u8]) {
    let mut tally = SEEN.get();
    tally.add(frame);
    SEEN.set(tally);
}

#[protocol(line)]
#[derive(Default)]
struct CountLines;

#[protocol]
impl CountLines {
    #[on(line)]
    fn line(&mut self, line: &[u8]) {
        see(line);
    }
}

#[protocol(int32)]
#[derive(Default)]
struct CountStrings;

#[protocol]
impl CountStrings {
    #[on(string)]
    fn string(&mut self, string: &[u8]) {
        see(string);
    }
}

#[protocol(netstring)]
#[derive(Default)]
struct CountNetstrings;

#[protocol]
impl CountNetstrings {
    #[on(string)]
    fn string(&mut self, string: &[u8]) {
        see(string);
    }
}
