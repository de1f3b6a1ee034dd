//! Short visits: connect, read what the server says to the end of the stream, close.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::{Load, PATIENCE, READ_BUFFER, Run, check, wait};
use crate::Result;

/// So many visitors at a time; where one leaves, the next one comes. An operation is a visit.
#[derive(Debug)]
pub struct Visits {
    server: SocketAddr,
    /// What each of them is told.
    quote: &'static [u8],
    at_once: usize,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    wait: Duration,
}

#[derive(Debug)]
struct Visit {
    socket: TcpStream,
    /// Bytes of the quote that have been read.
    read: usize,
    began: Instant,
}

impl Visits {
    /// Nobody comes yet.
    ///
    /// # Errors
    /// When there cannot be a poll.
    pub fn new(server: SocketAddr, spin: bool, at_once: usize, quote: &'static str) -> Result<Self> {
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER]);
        let (poll, wait) = (Poll::new()?, wait(spin));
        Ok(Self { server, quote: quote.as_bytes(), at_once, poll, events, buffer, wait })
    }

    fn begin(&self, number: usize) -> Result<Option<Visit>> {
        let began = Instant::now();
        let mut socket = TcpStream::connect(self.server)?;
        socket.set_nodelay(true)?;
        self.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        Ok(Some(Visit { socket, read: 0, began }))
    }

    /// Handles what is ready; the numbers of those who have left.
    fn turn(&mut self, visits: &mut [Option<Visit>], run: &mut Run) -> Result<Vec<usize>> {
        let mut over = Vec::new();
        self.poll.poll(&mut self.events, Some(self.wait))?;
        for event in &self.events {
            let number = event.token().0;
            let Some(visit) = &mut visits[number] else { continue };
            if visit.listen(self.quote, &mut self.buffer)? {
                run.finished(1, visit.began);
                visits[number] = None;
                over.push(number);
            }
        }
        Ok(over)
    }
}

impl Load for Visits {
    fn run(&mut self, duration: Duration) -> Result<Run> {
        let mut run = Run::begin();
        let mut visits = (0..self.at_once).map(|number| self.begin(number)).collect::<Result<Vec<_>>>()?;
        while visits.iter().any(Option::is_some) {
            let elapsed = run.began.elapsed();
            if elapsed > duration + PATIENCE {
                return Err("there are visitors who still wait for the end of the quote".into());
            }
            let over = self.turn(&mut visits, &mut run)?;
            for number in over.into_iter().filter(|_| elapsed < duration) {
                visits[number] = self.begin(number)?;
            }
        }
        Ok(run.end())
    }
}

impl Visit {
    /// Reads what is there; whether it was all, to the end of the stream.
    fn listen(&mut self, quote: &[u8], buffer: &mut [u8]) -> Result<bool> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) if self.read == quote.len() => return Ok(true),
                Ok(0) => return Err(format!("a visitor was told {} of {} bytes", self.read, quote.len()).into()),
                Ok(count) => self.read += check(&buffer[..count], &quote[self.read..])?,
                // So says a socket that is still connecting.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
