//! Work grows with the bytes that arrive, not with their square.

use std::cell::Cell;
use std::rc::Rc;

use twisty::FramingError;
use twisty::error::SendError;
use twisty::framing::{Decoded, Framing, LengthPrefixed, Line, Netstring};

use crate::recorder::Record;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What it took to deliver a stream.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    /// How often the framing was asked for a frame.
    calls: usize,
    /// Bytes that the framing was shown at one place in memory, and then at another.
    moved: usize,
}

/// Counts the work around a framing.
struct Metered<F> {
    framing: F,
    work: Rc<Cell<Work>>,
    /// Where the bytes that are not consumed yet were last seen: address and length.
    left: (usize, usize),
}

impl<F: Framing> Framing for Metered<F> {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        let mut work = self.work.get();
        let (expected, seen) = self.left;
        work.calls += 1;
        work.moved += if buffer.as_ptr().addr() == expected { 0 } else { seen };
        self.work.set(work);
        let decoded = self.framing.decode(buffer)?;
        let consumed = match decoded {
            Decoded::Frame { consumed, .. } => consumed,
            Decoded::Raw(data) => data.len(),
            Decoded::Incomplete { .. } => 0,
        };
        self.left = (buffer.as_ptr().addr() + consumed, buffer.len() - consumed);
        Ok(decoded)
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.framing.encode(frame, out)
    }
}

/// Delivers `stream` in chunks and holds the work against its length. Answers how many frames came.
fn linear<F: Framing>(framing: F, stream: &[u8], chunk: usize) -> usize {
    let (record, work) = metered(framing);
    let (server, client) = record.connect();
    for bytes in stream.chunks(chunk) {
        client.receive(bytes);
    }
    assert_linear(work.get(), stream.len());
    server.factory().told.frames.len()
}

fn metered<F: Framing>(framing: F) -> (Record<Metered<F>>, Rc<Cell<Work>>) {
    let work = Rc::default();
    (Record::new(Metered { framing, work: Rc::clone(&work), left: (0, 0) }), work)
}

/// One call and two moves for each byte are plenty; what is quadratic takes hundreds for 64 KiB and thousands for 1
/// MiB.
fn assert_linear(work: Work, bytes: usize) {
    assert!(work.calls <= bytes + 16, "{work:?} for {bytes} bytes");
    assert!(work.moved <= 2 * bytes, "{work:?} for {bytes} bytes");
}

#[test]
fn empty_lines() {
    for size in [64 * KIB, MIB] {
        let stream = b"\r\n".repeat(size / 2);
        assert_eq!(linear(Line::new(), &stream, size), size / 2);
        assert_eq!(linear(Line::new(), &stream, 3 * KIB + 1), size / 2);
    }
}

#[test]
fn a_long_line_in_single_bytes() {
    for size in [64 * KIB, MIB] {
        let mut stream = vec![b'x'; size];
        stream.extend_from_slice(b"\r\n");
        assert_eq!(linear(Line::new().max_length(size), &stream, 1), 1);
    }
}

#[test]
fn half_delimiters() {
    for size in [64 * KIB, MIB] {
        let stream = vec![b'\r'; size];
        assert_eq!(linear(Line::new().max_length(size), &stream, 1), 0);
        assert_eq!(linear(Line::new().max_length(size), &stream, size), 0);
    }
}

#[test]
fn empty_netstrings() {
    for size in [48 * KIB, 256 * KIB] {
        let stream = b"0:,".repeat(size / 3);
        assert_eq!(linear(Netstring::new(), &stream, size), size / 3);
        assert_eq!(linear(Netstring::new(), &stream, 1), size / 3);
    }
}

#[test]
fn a_large_string_in_64_kib_chunks() {
    for size in [MIB, 16 * MIB] {
        let payload = vec![b'x'; size];
        let mut stream = Vec::new();
        let netstring = Netstring::new().max_length(size);
        netstring.encode(&payload, &mut stream).expect("it fits");
        assert_eq!(linear(netstring, &stream, 64 * KIB), 1);
        stream.clear();
        let int32 = LengthPrefixed::int32().max_length(size);
        int32.encode(&payload, &mut stream).expect("it fits");
        assert_eq!(linear(int32, &stream, 64 * KIB), 1);
    }
}

/// Each frame pauses, each resume delivers one frame: what waits must stay where it is.
#[test]
fn a_storm_of_pauses() {
    for size in [16 * KIB, 256 * KIB] {
        let (record, work) = metered(Line::new());
        let (server, client) = record.reacting(|cx, _| cx.pause_reading()).connect();
        let transport = server.factory().transport.clone().expect("connected");
        client.receive(b"\r\n".repeat(size / 2));
        for _ in 0..size / 2 {
            transport.resume_reading();
            client.start_reading();
        }
        assert_eq!(server.factory().told.frames.len(), size / 2);
        assert_linear(work.get(), size);
    }
}

#[test]
fn a_storm_of_pauses_inside_of_handlers() {
    let size = MIB;
    let (record, work) = metered(Line::new());
    let blink = record.reacting(|cx, _| {
        cx.pause_reading();
        cx.resume_reading();
    });
    let (server, client) = blink.connect();
    client.receive(b"\r\n".repeat(size / 2));
    assert_eq!(server.factory().told.frames.len(), size / 2);
    assert_linear(work.get(), size);
}

/// What was searched is not searched again. It is changed behind the framing's back, which breaks the contract of
/// `decode`, and is the one way to see whether it looks.
#[test]
fn an_unfinished_line_is_searched_once() {
    let mut line = Line::new();
    let mut buffer = vec![b'x'; 1000];
    assert_eq!(line.decode(&buffer), Ok(Decoded::Incomplete { missing: 1 }));
    buffer[..2].copy_from_slice(b"\r\n");
    buffer.push(b'x');
    assert_eq!(line.decode(&buffer), Ok(Decoded::Incomplete { missing: 1 }));
    buffer.extend_from_slice(b"\r\n");
    assert!(matches!(line.decode(&buffer), Ok(Decoded::Frame { frame, .. }) if frame.len() == 1001));
}

/// A netstring's digits are read again with each chunk, so there may be only as many as a length can have.
#[test]
fn endless_digits_are_refused() {
    let mut netstring = Netstring::new().max_length(usize::MAX);
    assert!(netstring.decode(&[b'9'; 64]).is_err());
}
