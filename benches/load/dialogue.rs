//! Requests and replies: many clients in one loop.
//!
//! Each client sends a batch of messages in one write, waits for all replies, compares them byte by byte with what it
//! expects, and sends the next batch. Batches are never refilled halfway: like this all servers are given the same
//! bytes in the same writes, also one that answers in dribs and drabs.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll};

use super::{
    APART, Load, PATIENCE, READ_BUFFER, Run, TlsStream, check_differ, connect, over_tls, poll_socket, read_expected,
    wait,
};
use crate::Result;
use crate::certificate;
use crate::tape::Tape;

/// What all clients of a dialogue say and expect.
#[derive(Debug, Clone)]
pub struct Script {
    /// What they send.
    pub requests: Tape,
    /// What they expect to be sent back, message for message.
    pub replies: Tape,
    /// Messages in a batch.
    pub depth: usize,
}

/// The clients of one server. An operation is a message with its reply; a latency is that of a batch.
#[derive(Debug)]
pub struct Dialogue<S = TcpStream> {
    script: Script,
    clients: Vec<Client<S>>,
    poll: Poll,
    events: Events,
    /// What every client reads into.
    buffer: Vec<u8>,
    wait: Duration,
}

impl Dialogue {
    /// Connects `connections` clients to a server. They spin if they do not share their core with it.
    ///
    /// # Errors
    /// When they cannot connect, or when some of them would say the same all the time.
    pub fn connect(server: SocketAddr, spin: bool, connections: usize, script: Script) -> Result<Self> {
        Self::over(server, spin, connections, script, Ok)
    }
}

impl Dialogue<TlsStream> {
    /// The same by TLS. The handshakes are made in the first run.
    ///
    /// # Errors
    /// As [`connect`](Dialogue::connect), and when there is no certificate.
    pub fn connect_tls(server: SocketAddr, spin: bool, connections: usize, script: Script) -> Result<Self> {
        let config = certificate::client_config()?;
        Self::over(server, spin, connections, script, |socket| over_tls(socket, &config))
    }
}

impl<S: Read + Write> Dialogue<S> {
    fn over(
        server: SocketAddr,
        spin: bool,
        connections: usize,
        script: Script,
        stream: impl Fn(TcpStream) -> Result<S>,
    ) -> Result<Self> {
        check_differ(connections, &script.requests)?;
        let poll = Poll::new()?;
        let client = |number| Ok(Client::new(stream(poll_socket(connect(server)?, &poll, number)?)?, number));
        let clients = (0..connections).map(client).collect::<Result<_>>()?;
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER]);
        Ok(Self { script, clients, poll, events, buffer, wait: wait(spin) })
    }

    /// Handles what is ready; the number of batches that were completed, each followed by another if `more` are wanted.
    fn turn(&mut self, more: bool, run: &mut Run) -> Result<usize> {
        let mut finished = 0;
        self.poll.poll(&mut self.events, Some(self.wait))?;
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            client.write(&self.script)?;
            if !client.read(&self.script, &mut self.buffer)? {
                continue;
            }
            finished += 1;
            run.finished(self.script.depth, client.began);
            if more {
                client.send_batch(&self.script)?;
            }
        }
        Ok(finished)
    }
}

impl<S: Read + Write + fmt::Debug> Load for Dialogue<S> {
    fn run(&mut self, duration: Duration) -> Result<Run> {
        let mut run = Run::begin();
        for client in &mut self.clients {
            client.send_batch(&self.script)?;
        }
        let mut busy = self.clients.len();
        while busy > 0 {
            let elapsed = run.began.elapsed();
            if elapsed > duration + PATIENCE {
                return Err(format!("{busy} clients still wait for replies").into());
            }
            let finished = self.turn(elapsed < duration, &mut run)?;
            if elapsed >= duration {
                busy -= finished;
            }
        }
        let run = run.end();
        self.clients.iter_mut().try_for_each(|client| expect_silence(&mut client.socket))?;
        Ok(run)
    }
}

#[derive(Debug)]
struct Client<S> {
    socket: S,
    /// Number of the message after this batch.
    next: usize,
    /// Bytes of this batch that are still to be written, and to be read.
    unsent: usize,
    awaited: usize,
    /// When the batch was sent.
    began: Instant,
}

impl<S: Read + Write> Client<S> {
    fn new(socket: S, number: usize) -> Self {
        // A reply that goes to the wrong client is noticed like this.
        Self { socket, next: number * APART, unsent: 0, awaited: 0, began: Instant::now() }
    }

    fn send_batch(&mut self, script: &Script) -> Result {
        self.began = Instant::now();
        self.unsent = script.requests.batch(self.next, script.depth).len();
        self.awaited = script.replies.batch(self.next, script.depth).len();
        self.next += script.depth;
        self.write(script)
    }

    fn write(&mut self, script: &Script) -> Result {
        while self.unsent > 0 {
            let batch = script.requests.batch(self.next - script.depth, script.depth);
            match self.socket.write(&batch[batch.len() - self.unsent..]) {
                Ok(count) => self.unsent -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what is there; whether that completes the batch.
    fn read(&mut self, script: &Script, buffer: &mut [u8]) -> Result<bool> {
        let batch = script.replies.batch(self.next - script.depth, script.depth);
        Ok(self.awaited > 0 && read_expected(&mut self.socket, buffer, batch, &mut self.awaited)?)
    }
}

/// All replies have been read: whatever else is there already was not asked for. What comes later is noticed in the
/// next batch.
fn expect_silence(socket: &mut impl Read) -> Result {
    let mut buffer = [0; 64];
    match socket.read(&mut buffer) {
        Ok(0) => Err("the server closed a connection".into()),
        Ok(count) => Err(format!("the server also sent:\n{}", buffer[..count].escape_ascii()).into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{self, TcpListener};

    use super::*;

    /// A client's socket, and the server's end of it.
    fn connected() -> Result<(net::TcpStream, net::TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        Ok((connect(listener.local_addr()?)?, listener.accept()?.0))
    }

    #[test]
    fn bytes_that_nobody_asked_for_are_an_error() -> Result {
        let (client, mut server) = connected()?;
        let waiting = client.try_clone()?;
        let mut client = poll_socket(client, &Poll::new()?, 0)?;
        expect_silence(&mut client)?;
        server.write_all(b"more")?;
        // Shared by both handles.
        waiting.set_nonblocking(false)?;
        waiting.peek(&mut [0])?;
        waiting.set_nonblocking(true)?;
        let error = expect_silence(&mut client).expect_err("there is more");
        assert!(error.to_string().contains("more"), "{error}");
        Ok(())
    }

    #[test]
    fn clients_that_would_say_the_same_are_refused() {
        let connect = |connections, messages| {
            let tape = Tape::new(messages, |number| format!("{number:05}").into_bytes());
            let script = Script { requests: tape.clone(), replies: tape, depth: 1 };
            let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
            Dialogue::connect(nowhere, false, connections, script).map(drop)
        };
        for (connections, messages) in [(17, 16), (2, 14)] {
            let error = connect(connections, messages).expect_err("some of them start at the same place");
            assert!(error.to_string().contains("do not differ"), "{error}");
        }
    }
}
