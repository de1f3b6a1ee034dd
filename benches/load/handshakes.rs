//! Short visits over TLS: a full handshake, one message and its echo, and an end in good order.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use rustls::ClientConfig;

use super::{Load, PATIENCE, READ_BUFFER, Run, TlsStream, check, connect, over_tls, poll_socket, wait};
use crate::Result;
use crate::certificate;

/// What each visitor says.
const MESSAGE: &[u8] = b"An apple a day keeps the doctor away, said the one to the other.";

/// So many visitors at a time; where one leaves, the next one comes. An operation is a visit.
#[derive(Debug)]
pub struct Handshakes {
    server: SocketAddr,
    config: Arc<ClientConfig>,
    at_once: usize,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    wait: Duration,
}

#[derive(Debug)]
struct Visit {
    stream: TlsStream,
    said: bool,
    /// Bytes of the echo that have been read.
    read: usize,
    began: Instant,
}

impl Handshakes {
    /// Nobody comes yet.
    ///
    /// # Errors
    /// When there cannot be a poll, or no certificate.
    pub fn new(server: SocketAddr, spin: bool, at_once: usize) -> Result<Self> {
        let (poll, config) = (Poll::new()?, certificate::client_config()?);
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER]);
        Ok(Self { server, config, at_once, poll, events, buffer, wait: wait(spin) })
    }

    fn begin(&self, number: usize) -> Result<Option<Visit>> {
        let began = Instant::now();
        let stream = over_tls(poll_socket(connect(self.server)?, &self.poll, number)?, &self.config)?;
        Ok(Some(Visit { stream, said: false, read: 0, began }))
    }

    /// Handles what is ready; the numbers of those who have left.
    fn turn(&mut self, visits: &mut [Option<Visit>], run: &mut Run) -> Result<Vec<usize>> {
        let mut over = Vec::new();
        self.poll.poll(&mut self.events, Some(self.wait))?;
        for event in &self.events {
            let number = event.token().0;
            let Some(visit) = &mut visits[number] else { continue };
            if visit.go_on(&mut self.buffer)? {
                run.finished(1, visit.began);
                visits[number] = None;
                over.push(number);
            }
        }
        Ok(over)
    }
}

impl Load for Handshakes {
    fn run(&mut self, duration: Duration) -> Result<Run> {
        let mut run = Run::begin();
        let mut visits = (0..self.at_once).map(|number| self.begin(number)).collect::<Result<Vec<_>>>()?;
        while visits.iter().any(Option::is_some) {
            let elapsed = run.began.elapsed();
            if elapsed > duration + PATIENCE {
                return Err("there are visitors who still wait for the end".into());
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
    /// Does what can be done now; whether it is over, and the server has said so.
    fn go_on(&mut self, buffer: &mut [u8]) -> Result<bool> {
        match self.try_to_leave(buffer) {
            Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::WouldBlock) => {
                Ok(false)
            }
            left => left.map(|()| true),
        }
    }

    fn try_to_leave(&mut self, buffer: &mut [u8]) -> Result {
        if !self.said {
            // The handshake comes first. A fresh socket takes so little at once.
            self.said = self.stream.write(MESSAGE)? == MESSAGE.len();
        }
        loop {
            match self.stream.read(buffer)? {
                0 if self.read == MESSAGE.len() => return Ok(()),
                0 => return Err(format!("a visitor was sent {} of {} bytes", self.read, MESSAGE.len()).into()),
                count => self.read += check(&buffer[..count], &MESSAGE[self.read..])?,
            }
            if self.read == MESSAGE.len() {
                self.stream.conn.send_close_notify();
                self.stream.flush()?;
            }
        }
    }
}
