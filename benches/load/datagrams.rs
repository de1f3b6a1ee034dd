//! Datagrams and their echoes: many clients in one loop, who bear it when one gets lost.
//!
//! Each client sends a batch of datagrams, waits for the echo of each, in whatever order they come, and sends the next
//! batch. What has not come back after a while is sent again, and counted.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::{APART, Load, PATIENCE, READ_BUFFER, Run, check_differ, wait};
use crate::Result;
use crate::tape::Tape;

/// How long an echo may take before its datagram counts as lost.
const RESEND: Duration = Duration::from_millis(100);

/// The clients of one server. An operation is a datagram with its echo; a latency is that of a batch.
#[derive(Debug)]
pub struct Exchange {
    messages: Tape,
    clients: Vec<Client>,
    poll: Poll,
    events: Events,
    /// What every client reads into.
    buffer: Vec<u8>,
    wait: Duration,
}

impl Exchange {
    /// So many clients, each of which has up to `depth` datagrams on their way. They spin if they do not share their core
    /// with the server.
    ///
    /// # Errors
    /// When there cannot be their sockets, or when some of them would say the same all the time.
    pub fn connect(server: SocketAddr, spin: bool, clients: usize, depth: usize, messages: Tape) -> Result<Self> {
        check_differ(clients, &messages)?;
        let poll = Poll::new()?;
        let client = |number| Client::connect(server, &poll, number, depth);
        let clients = (0..clients).map(client).collect::<Result<_>>()?;
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER]);
        // Nobody wakes who waits for what got lost.
        Ok(Self { messages, clients, poll, events, buffer, wait: wait(spin).min(RESEND) })
    }

    /// Handles what is ready; the number of batches that were completed, each followed by another if `more` are wanted.
    fn turn(&mut self, more: bool, run: &mut Run) -> Result<usize> {
        let mut finished = 0;
        self.poll.poll(&mut self.events, Some(self.wait))?;
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            if !client.read(&self.messages, &mut self.buffer)? {
                continue;
            }
            finished += 1;
            run.finished(client.missing.len(), client.began);
            if more {
                client.send_batch(&self.messages)?;
            }
        }
        let now = Instant::now();
        for client in self.clients.iter_mut().filter(|client| client.is_late(now)) {
            run.lost += client.send_again(&self.messages)?;
        }
        Ok(finished)
    }
}

impl Load for Exchange {
    fn run(&mut self, duration: Duration) -> Result<Run> {
        let mut run = Run::begin();
        for client in &mut self.clients {
            client.send_batch(&self.messages)?;
        }
        let mut busy = self.clients.len();
        while busy > 0 {
            let elapsed = run.began.elapsed();
            if elapsed > duration + PATIENCE {
                return Err(format!("{busy} clients still wait for echoes, {} datagrams were lost", run.lost).into());
            }
            let finished = self.turn(elapsed < duration, &mut run)?;
            if elapsed >= duration {
                busy -= finished;
            }
        }
        Ok(run.end())
    }
}

#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    /// Number of the first message of this batch.
    first: usize,
    /// Which messages of this batch have no echo yet.
    missing: Vec<bool>,
    /// When the batch was sent, and when what was missing of it was.
    began: Instant,
    sent: Instant,
    /// How many echoes may come a second time: of what was not lost, but late.
    excused: u64,
}

impl Client {
    fn connect(server: SocketAddr, poll: &Poll, number: usize, depth: usize) -> Result<Self> {
        let mut socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        socket.connect(server)?;
        poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        let now = Instant::now();
        Ok(Self { socket, first: number * APART, missing: vec![false; depth], began: now, sent: now, excused: 0 })
    }

    fn send_batch(&mut self, messages: &Tape) -> Result {
        self.began = Instant::now();
        self.first += self.missing.len();
        self.missing.fill(true);
        self.send_missing(messages)
    }

    fn send_missing(&mut self, messages: &Tape) -> Result {
        self.sent = Instant::now();
        for (index, _) in self.missing.iter().enumerate().filter(|(_, missing)| **missing) {
            match self.socket.send(messages.batch(self.first + index, 1)) {
                // Lost right here; so it is sent again as others are.
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.sent) > RESEND && self.missing.contains(&true)
    }

    /// How many datagrams that is.
    fn send_again(&mut self, messages: &Tape) -> Result<u64> {
        let lost = self.missing.iter().filter(|missing| **missing).count() as u64;
        self.excused += lost;
        self.send_missing(messages)?;
        Ok(lost)
    }

    /// Reads what is there; whether that completes the batch.
    fn read(&mut self, messages: &Tape, buffer: &mut [u8]) -> Result<bool> {
        let was_complete = !self.missing.contains(&true);
        loop {
            match self.socket.recv(buffer) {
                Ok(count) => self.take(&buffer[..count], messages)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(!was_complete && !self.missing.contains(&true))
    }

    fn take(&mut self, echo: &[u8], messages: &Tape) -> Result {
        let is_echo = |index: &usize| self.missing[*index] && messages.batch(self.first + index, 1) == echo;
        match (0..self.missing.len()).find(is_echo) {
            Some(index) => self.missing[index] = false,
            None if self.excused > 0 => self.excused -= 1,
            None => return Err(format!("the server sent what nobody waits for:\n{}", echo.escape_ascii()).into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net;

    use super::*;
    use crate::tape::text;

    /// A client that has sent two datagrams, the server's socket, and the messages.
    fn waiting() -> Result<(Client, net::UdpSocket, Tape)> {
        let server = net::UdpSocket::bind("127.0.0.1:0")?;
        let messages = Tape::new(16, |number| text(number, 16));
        let mut client = Client::connect(server.local_addr()?, &Poll::new()?, 0, 2)?;
        client.send_batch(&messages)?;
        Ok((client, server, messages))
    }

    #[test]
    fn what_got_lost_is_sent_again_and_may_then_come_twice() -> Result {
        let (mut client, server, messages) = waiting()?;
        let (mut first, mut second, mut again) = ([0; 16], [0; 16], [0; 16]);
        server.recv(&mut first)?;
        server.recv(&mut second)?;
        client.take(&second, &messages)?;
        assert_eq!(client.send_again(&messages)?, 1);
        server.recv(&mut again)?;
        assert_eq!(again, first);
        client.take(&first, &messages)?;
        assert!(!client.missing.contains(&true));
        client.take(&first, &messages)?;
        let error = client.take(&first, &messages).expect_err("it came three times");
        assert!(error.to_string().contains("nobody waits for"), "{error}");
        Ok(())
    }

    #[test]
    fn an_echo_of_something_else_is_an_error() -> Result {
        let (mut client, _server, messages) = waiting()?;
        let error = client.take(b"something else", &messages).expect_err("nobody said that");
        assert!(error.to_string().contains("something else"), "{error}");
        Ok(())
    }
}
