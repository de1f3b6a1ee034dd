//! A chat: one member at a time says something, and all others must have heard it before the next one speaks.

use std::io::{BufRead, BufReader, Write};
use std::net::{self, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll};

use super::{Load, PATIENCE, READ_BUFFER, Run, Script, connect, poll_socket, read_expected, wait};
use crate::Result;

/// The members of one chat. An operation is a line that reached a member; a latency is the time that a batch took to
/// reach the last of them.
#[derive(Debug)]
pub struct Chat {
    /// The requests are said, the replies are heard by the others.
    script: Script,
    members: Vec<Member>,
    /// How many batches have been said.
    batches: usize,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    wait: Duration,
}

#[derive(Debug)]
struct Member {
    socket: TcpStream,
    /// Bytes of this batch that are still to be read.
    awaited: usize,
}

impl Chat {
    /// Connects so many members, who tell the server their names and are welcomed.
    ///
    /// # Errors
    /// When one of them cannot connect, or is not welcomed.
    pub fn join(server: SocketAddr, spin: bool, members: usize, script: Script) -> Result<Self> {
        let poll = Poll::new()?;
        let members = (0..members).map(|number| Member::join(server, &poll, number)).collect::<Result<_>>()?;
        let (events, buffer) = (Events::with_capacity(1024), vec![0; READ_BUFFER]);
        Ok(Self { script, members, batches: 0, poll, events, buffer, wait: wait(spin) })
    }

    /// The next member says a batch of lines.
    fn say(&mut self, run: &mut Run) -> Result {
        let (first, speaker) = (self.batches * self.script.depth, self.batches % self.members.len());
        self.batches += 1;
        let heard = self.script.replies.batch(first, self.script.depth).len();
        for member in &mut self.members {
            member.awaited = heard;
        }
        self.members[speaker].awaited = 0;
        let began = Instant::now();
        // So little fits into the socket at once: everything before it was read.
        self.members[speaker].socket.write_all(self.script.requests.batch(first, self.script.depth))?;
        let mut deaf = self.members.len() - 1;
        while deaf > 0 {
            deaf -= self.hear(first)?;
            if began.elapsed() > PATIENCE {
                return Err(format!("{deaf} members still wait for what was said").into());
            }
        }
        run.finished(self.script.depth * (self.members.len() - 1), began);
        Ok(())
    }

    /// How many members have heard now what was said, which began at this line.
    fn hear(&mut self, first: usize) -> Result<usize> {
        let said = self.script.replies.batch(first, self.script.depth);
        let mut heard = 0;
        self.poll.poll(&mut self.events, Some(self.wait))?;
        for event in &self.events {
            let Member { socket, awaited } = &mut self.members[event.token().0];
            if *awaited > 0 && read_expected(socket, &mut self.buffer, said, awaited)? {
                heard += 1;
            }
        }
        Ok(heard)
    }
}

impl Load for Chat {
    fn run(&mut self, duration: Duration) -> Result<Run> {
        let mut run = Run::begin();
        while run.began.elapsed() < duration {
            self.say(&mut run)?;
        }
        Ok(run.end())
    }
}

impl Member {
    fn join(server: SocketAddr, poll: &Poll, number: usize) -> Result<Self> {
        let mut socket = connect(server)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        write!(socket, "member {number}\r\n")?;
        let welcome = read_line(&socket)?;
        // Some servers end their lines with "\r\n", some with "\n".
        if welcome.trim_end() != format!("Welcome, member {number}!") {
            return Err(format!("member {number} was welcomed with {welcome:?}").into());
        }
        Ok(Self { socket: poll_socket(socket, poll, number)?, awaited: 0 })
    }
}

/// The one line that there is to read.
fn read_line(socket: &net::TcpStream) -> Result<String> {
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line)?;
    Ok(line)
}
