//! A line framing looks ahead of the line that it hands out. What it saw is never taken for what comes, whatever handlers
//! and framings around it do meanwhile.

use twisty::framing::{Decoded, Framing, Line};
use twisty::prelude::*;
use twisty::testing::Server;
use twisty::{FramingError, SendError};

/// Changes its delimiter in the middle of a chunk.
#[derive(Default)]
struct Change;

impl Protocol for Change {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new().delimiter(&b"\n"[..])
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        if line == b"delimiter ;" {
            let mut framing = cx.framing_mut();
            *framing = framing.clone().delimiter(&b";"[..]);
        } else {
            tell(cx, line);
        }
    }
}

#[test]
fn a_delimiter_may_change_in_the_middle_of_a_chunk() {
    let input = format!("delimiter ;\nSELECT\n1;SELECT\n2;{}", " ".repeat(200));
    assert_eq!(told::<Change>([&*input]), r"[SELECT\n1][SELECT\n2]");
    assert_eq!(told::<Change>(input.bytes().map(|byte| [byte])), r"[SELECT\n1][SELECT\n2]");
}

/// Puts a framing aside, and back on a later line.
#[derive(Default)]
struct Save(Option<Line>);

impl Protocol for Save {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        match line {
            b"nul" => self.0 = Some(std::mem::replace(&mut *cx.framing_mut(), Line::new().delimiter(&b"\0"[..]))),
            b"crlf" => *cx.framing_mut() = self.0.take().expect("it was put aside"),
            line => tell(cx, line),
        }
    }
}

#[test]
fn a_framing_may_be_put_aside_and_back() {
    let input = format!("nul\r\na\0b\r\nb\0crlf\0d\r\n{}", "e\r\n".repeat(100));
    let told = told::<Save>([input]);
    assert_eq!(told, format!(r"[a][b\r\nb][d]{}", "[e]".repeat(100)));
}

/// Lines, and bodies that a line announces: a framing around `Line` that takes bytes past it.
struct Announced {
    line: Line,
    body: usize,
}

impl Framing for Announced {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        if self.body > 0 {
            let Some(frame) = buffer.get(..self.body) else {
                return Ok(Decoded::Incomplete { missing: self.body - buffer.len() });
            };
            let consumed = std::mem::take(&mut self.body);
            return Ok(Decoded::Frame { frame, consumed });
        }
        let decoded = self.line.decode(buffer)?;
        if let Decoded::Frame { frame, .. } = decoded {
            let announced = std::str::from_utf8(frame).ok().and_then(|line| line.strip_prefix("body ")?.parse().ok());
            self.body = announced.unwrap_or(0);
        }
        Ok(decoded)
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.line.encode(frame, out)
    }
}

#[derive(Default)]
struct Bodies;

impl Protocol for Bodies {
    type Framing = Announced;
    type Factory = ForProtocol<Self>;

    fn framing() -> Announced {
        Announced { line: Line::new(), body: 0 }
    }

    fn frame_received(&mut self, cx: &Context<Self>, frame: &[u8]) {
        tell(cx, frame);
    }
}

#[test]
fn a_framing_around_it_may_take_bytes_past_it() {
    let blanks = " ".repeat(100);
    let input = format!("body 12\r\nhello\r\nyou\r\nnext line\r\n{blanks}");
    assert_eq!(told::<Bodies>([input]), r"[body 12][hello\r\nyou\r\n][next line]");
    let input = format!("body 120\r\n{}\r\nend\r\n{blanks}", "\r\n".repeat(60));
    assert_eq!(told::<Bodies>([input]), format!("[body 120][{}][][end]", r"\r\n".repeat(60)));
}

#[test]
fn lines_that_are_set_up_alike_are_equal_whatever_they_saw() {
    let mut line = Line::new();
    assert!(line.decode(b"one\r\ntwo\r\n").is_ok());
    assert_eq!(line, Line::new());
}

fn tell<P: Protocol>(cx: &Context<P>, frame: &[u8]) {
    cx.write(format!("[{}]", String::from_utf8_lossy(frame).escape_debug()));
}

/// What is told of the chunks, by a connection that stays open.
fn told<P: Protocol<Factory = ForProtocol<P>> + Default>(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let server = Server::new(P::factory());
    let client = server.connect();
    for chunk in chunks {
        client.receive(chunk);
    }
    assert_eq!(client.reason(), None);
    client.sent()
}
