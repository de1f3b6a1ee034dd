//! The same events for any cuts, and what is encoded is decoded again.

use fastrand::Rng;
use twisty::framing::{Endian, Prefix};
use twisty::prelude::*;

use crate::recorder::{Record, Recorder, Told};

const SEEDS: u64 = 400;

/// Does `try_it` with all framings and some of their settings.
macro_rules! for_each_framing {
    ($try_it:ident) => {
        for delimiter in ["\r\n", "\n", "\0", "||", "ABA", "\r\n.\r\n"] {
            $try_it(delimiter, &|limit| Line::new().delimiter(delimiter.as_bytes()).max_length(limit));
        }
        $try_it("netstring", &|limit| Netstring::new().max_length(limit));
        for prefix in [Prefix::U8, Prefix::U16, Prefix::U24, Prefix::U32, Prefix::U64] {
            for endian in [Endian::Big, Endian::Little] {
                let name = format!("{prefix:?} {endian:?}");
                $try_it(&name, &|limit| LengthPrefixed::new(prefix).endian(endian).max_length(limit));
            }
        }
    };
}

#[test]
fn the_same_events_for_any_cuts() {
    fn try_it<F: Framing + Clone>(name: &str, make: &dyn Fn(usize) -> F) {
        for seed in 0..SEEDS {
            let mut random = Rng::with_seed(seed);
            let framing = make(random.choice([0, 1, 5, 10, 40]).expect("one of them"));
            let stream = stream(&mut random, &framing);
            same_for_any_cuts(&format!("{name}, seed {seed}"), &stream, &mut random, || Record::new(framing.clone()));
        }
    }
    for_each_framing!(try_it);
    same_raw_bytes_for_any_cuts();
}

/// A line of n bytes is followed by n bytes of anything.
fn same_raw_bytes_for_any_cuts() {
    let react = |cx: &Context<Recorder<Line>>, line: &[u8]| cx.framing_mut().get().set_raw_mode_for(line.len());
    for seed in 0..SEEDS {
        let mut random = Rng::with_seed(seed);
        let stream = noise(&mut random, 100);
        same_for_any_cuts(&format!("raw, seed {seed}"), &stream, &mut random, || {
            Record::new(Line::new().delimiter(&b"\r\n"[..])).reacting(react)
        });
    }
}

fn same_for_any_cuts<F: Framing>(name: &str, stream: &[u8], random: &mut Rng, record: impl Fn() -> Record<F>) {
    let whole = told(record(), stream, |_| usize::MAX);
    let mut cuts = random.fork();
    for longest in [1, 2, 5, 20] {
        let cut = told(record(), stream, |_| cuts.usize(1..=longest));
        assert_eq!(cut, whole, "{name}, in chunks of up to {longest} (left): {}", stream.escape_ascii());
    }
}

/// Delivers the stream in chunks whose sizes `next` says.
fn told<F: Framing>(record: Record<F>, mut stream: &[u8], mut next: impl FnMut(&[u8]) -> usize) -> Told {
    let (server, client) = record.connect();
    while !stream.is_empty() {
        let (chunk, rest) = stream.split_at(next(stream).min(stream.len()));
        client.receive(chunk);
        stream = rest;
    }
    std::mem::take(&mut server.factory_mut().told)
}

/// Frames, noise, frames that are cut short and frames that are over the limit.
fn stream<F: Framing>(random: &mut Rng, framing: &F) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..random.usize(1..8) {
        let length = random.usize(..14);
        let frame = noise(random, length);
        let start = stream.len();
        match random.u8(..10) {
            0 => stream.extend(frame),
            kind => {
                let _refused = framing.encode(&frame, &mut stream);
                let cut_short = kind == 1 && stream.len() > start;
                stream.truncate(stream.len() - usize::from(cut_short));
            }
        }
    }
    stream
}

/// Bytes that mean something to one framing or another, more often than not.
fn noise(random: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.choice(*b"\r\n\r\n.AB||\0\x01\x0201258:,,x\xff").expect("one of them")).collect()
}

#[test]
fn what_is_encoded_is_decoded_again() {
    fn try_it<F: Framing + Clone>(name: &str, make: &dyn Fn(usize) -> F) {
        let mut random = Rng::with_seed(7);
        for limit in [0_usize, 1, 255, 16_384] {
            let lengths = [0, limit, 0, limit.saturating_sub(1), limit / 2, 0, limit];
            let frames = lengths.map(|length| noise(&mut random, length));
            comes_back(&format!("{name}, up to {limit}"), &make(limit), &frames, &mut random);
        }
        for seed in 0..SEEDS {
            let mut random = Rng::with_seed(seed);
            let frames = [(); 8].map(|()| random.usize(..12)).map(|length| noise(&mut random, length));
            comes_back(&format!("{name}, seed {seed}"), &make(12), &frames, &mut random);
        }
    }
    for_each_framing!(try_it);
}

/// Those frames that the framing takes arrive, in order and unchanged, however the stream is cut.
fn comes_back<F: Framing + Clone>(name: &str, framing: &F, frames: &[Vec<u8>], random: &mut Rng) {
    let mut stream = Vec::new();
    let taken = frames.iter().filter(|frame| framing.encode(frame, &mut stream).is_ok());
    let expected = Told { frames: taken.cloned().collect(), ..Told::default() };
    for longest in [1, 100, 100_000] {
        let told = told(Record::new(framing.clone()), &stream, |_| random.usize(1..=longest));
        assert!(told == expected, "{name}: {} of {} came back, {:?}", told.frames.len(), frames.len(), told.error);
    }
}

#[test]
fn the_longest_frame_of_each_prefix() {
    for (prefix, longest) in
        [(Prefix::U8, 0xff), (Prefix::U16, 0xffff), (Prefix::U24, 0xff_ffff), (Prefix::U32, 1 << 24)]
    {
        for endian in [Endian::Big, Endian::Little] {
            let framing = LengthPrefixed::new(prefix).endian(endian).max_length(longest);
            let (frame, mut stream) = (vec![b'x'; longest], Vec::new());
            framing.encode(&frame, &mut stream).expect("it fits");
            let told = told(Record::new(framing), &stream, |_| 64 * 1024);
            assert!(told.frames == [frame], "{prefix:?} {endian:?}: {:?}", told.error);
            if prefix != Prefix::U32 {
                assert!(framing.encode(&vec![0; longest + 1], &mut Vec::new()).is_err(), "{prefix:?} says more");
            }
        }
    }
}
