//! What tests over real sockets share: a reactor on a thread of its own, a plain client, the examples as
//! programs, and what is reported.

mod log;
mod program;

pub use log::reported;
pub use program::{Program, allow_descriptors, output_of_example};

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use twisty::{Address, Handle, Port, Reactor};

/// Where tests listen: a free port of this machine.
pub const LOOPBACK: &str = "tcp:0:interface=127.0.0.1";

/// No test waits longer than this for an answer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a thread of its own; it stops when this is dropped.
#[derive(Debug)]
pub struct Live {
    address: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Makes a reactor on a new thread, lets `listen` open a port on it, and runs it.
    ///
    /// # Panics
    /// If the port cannot be opened.
    pub fn start(listen: impl FnOnce(&Reactor) -> twisty::Result<Port> + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let reactor = Reactor::new().expect("a poll");
            let port = listen(&reactor).expect("a port");
            tell.send((port.host(), reactor.handle())).expect("the test waits");
            reactor.run().expect("a clean run");
        });
        let (host, handle) = told.recv().expect("the server starts");
        let Address::Tcp(address) = host else { panic!("{host} is no TCP address") };
        Self { address, handle, thread: Some(thread) }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new client.
    ///
    /// # Panics
    /// If it cannot connect.
    #[must_use]
    pub fn connect(&self) -> Client {
        Client::to(self.address)
    }

    /// Runs `look` on the reactor's thread and answers what it found.
    ///
    /// # Panics
    /// If the reactor does not answer.
    pub fn ask<R: Send + 'static>(&self, look: impl FnOnce(&Reactor) -> R + Send + 'static) -> R {
        let (tell, told) = mpsc::channel();
        let call = self.handle.call_from_thread(move |reactor| {
            let _nobody_waits = tell.send(look(reactor));
        });
        call.expect("the reactor exists");
        told.recv_timeout(PATIENCE).expect("the reactor answers")
    }

    /// Waits until so many connections are open.
    ///
    /// # Panics
    /// If that does not come true.
    pub fn wait_for_connections(&self, wanted: usize) {
        let started = Instant::now();
        loop {
            let open = self.ask(Reactor::connections);
            if open == wanted {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{open} connections are open instead of {wanted}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Stops the server and waits until it has.
    ///
    /// # Panics
    /// If it panicked.
    pub fn stop(mut self) {
        self.end().expect("a clean end");
    }

    fn end(&mut self) -> thread::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let _gone_already = self.handle.call_from_thread(|reactor| {
            let _stopped_already = reactor.stop();
        });
        thread.join()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let ended = self.end();
        assert!(thread::panicking() || ended.is_ok(), "the server panicked");
    }
}

/// A plain blocking client that gives up after [`PATIENCE`].
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `address`.
    ///
    /// # Panics
    /// If nobody listens there.
    #[must_use]
    pub fn to(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).expect("a connection"))
    }

    /// One that is connected already, from either side.
    ///
    /// # Panics
    /// If its time-outs cannot be set.
    #[must_use]
    pub fn of(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Self { reader: BufReader::new(socket) }
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// If they cannot be sent.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.socket().write_all(bytes.as_ref()).expect("the server takes it");
        self
    }

    /// The next line, without its end.
    ///
    /// # Panics
    /// If none comes.
    pub fn line(&mut self) -> String {
        self.try_line().expect("a line")
    }

    /// The same; nothing if the server hangs up instead.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn try_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Exactly so many bytes.
    ///
    /// # Panics
    /// If fewer come.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).expect("bytes");
        bytes
    }

    /// Sends `bytes` and waits for the same bytes; `None` if the server hangs up instead.
    pub fn try_echo(&mut self, bytes: &str) -> Option<()> {
        let mut echoed = vec![0; bytes.len()];
        self.socket().write_all(bytes.as_bytes()).ok()?;
        self.reader.read_exact(&mut echoed).ok()?;
        (echoed == bytes.as_bytes()).then_some(())
    }

    /// All that comes until the server hangs up.
    ///
    /// # Errors
    /// When the connection breaks instead.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The socket itself.
    pub fn socket(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }
}
