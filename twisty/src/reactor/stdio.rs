//! Standard input and output as one connection.
//!
//! The descriptors may be files, terminals or pipes, and other processes may have them too, so they are not made
//! non-blocking: two threads copy between them and a pair of sockets. Its buffers are all that waits in between.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use mio::Token;
use mio::net::TcpStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Handle, Port, Reactor, Stage, Welcome};
use crate::protocol::{Address, ConnectionKey};
use crate::transport::{Layer, Layers, Prologue, Socket};

impl Reactor {
    /// Makes one connection of standard input and output. The end of the input is the end of what the peer sends; output
    /// that nobody takes ends the connection. Whoever stops the reactor waits until all output is written.
    pub(crate) fn open_stdio(&self, factory: &Rc<dyn Welcome>, prologue: &Prologue) -> io::Result<Port> {
        let claim = Claim::of_stdio()?;
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (lost, (alive, over)) = (Arc::new(OnceLock::new()), mpsc::channel());
        let copier = Copier { theirs, lost: Arc::clone(&lost), over, claim };
        copier.start(self.handle())?;
        self.0.outputs.set(self.0.outputs.get() + 1);
        let mut socket = Socket::new(OwnedFd::from(ours).into());
        socket.wrap(|beneath| Box::new(Output { lost, _alive: alive, beneath }));
        let home = factory.home(Rc::clone(&self.0.agenda), Address::Stdio);
        if self.0.buffer.try_borrow_mut().is_ok() {
            self.welcome(factory, prologue, socket, home, Address::Stdio);
        } else {
            // A handler listens, inside of which no other may run.
            let (factory, prologue) = (Rc::clone(factory), prologue.clone());
            self.call_later(Duration::ZERO, move |reactor| match reactor.is_stopping() {
                true => drop(socket),
                false => reactor.welcome(&factory, &prologue, socket, home, Address::Stdio),
            });
        }
        Ok(Port { reactor: Weak::new(), key: ConnectionKey::default(), host: Address::Stdio })
    }

    /// Stops when the connection of standard input and output is over.
    pub(crate) fn stop_after_output(&self) {
        self.0.ends_with_output.set(true);
    }

    fn output_is_written(&self) {
        self.0.outputs.set(self.0.outputs.get() - 1);
        if self.0.ends_with_output.get() {
            self.stop_once();
        }
    }

    /// Whether threads still write what connections have sent, and may.
    pub(super) fn is_writing(&self) -> bool {
        let in_time = self.0.drain_by.get().is_none_or(|by| self.time() < by);
        self.0.outputs.get() > 0 && in_time && self.0.stage.get() != Stage::Cutting
    }
}

/// The threads' end of the pair.
struct Copier {
    theirs: UnixStream,
    /// Why the output ended too early.
    lost: Arc<OnceLock<io::Error>>,
    /// Hangs up with the connection.
    over: Receiver<Infallible>,
    claim: Arc<Claim>,
}

impl Copier {
    fn start(self, handle: Handle) -> io::Result<()> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (to, claim) = (self.theirs.try_clone()?, Arc::clone(&self.claim));
        let reads = move || {
            match copy(&input, &to, Some(&to)) {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    tracing::warn!(%error, "standard input cannot be read");
                }
                _ => {}
            }
            let _closed_already = to.shutdown(Shutdown::Write);
            drop(claim);
        };
        thread::Builder::new().name("twisty-stdin".to_owned()).spawn(reads)?;
        let writes = move || {
            self.write(&output);
            // The connection's reactor may be gone before the connection.
            let _nobody_waits = handle.call_from_thread(Reactor::output_is_written);
        };
        thread::Builder::new().name("twisty-stdout".to_owned()).spawn(writes).map(drop)
    }

    /// Writes all output, and waits for the end of the connection.
    fn write(&self, output: &File) {
        if let Err(error) = copy(&self.theirs, output, None) {
            self.lost.get_or_init(|| error);
            let _closed_already = self.theirs.shutdown(Shutdown::Both);
        } else if !has_hung_up(&self.theirs) {
            // Only our side is closed: whoever reads our output learns it by this.
            let null = File::options().write(true).open("/dev/null");
            let closed = null.and_then(|null| Ok(rustix::stdio::dup2_stdout(null)?));
            tracing::debug!(?closed, "standard output is closed");
        }
        let _it_ends = self.over.recv();
    }
}

/// Copies all there is; ends early when `until` hangs up, and then takes no more of what it copies from.
fn copy(mut from: impl Read + AsFd, mut to: impl Write + AsFd, until: Option<&UnixStream>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Some(()) = wait_for_input(&from, until)? else { return Ok(()) };
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => write_all(&mut to, &buffer[..count])?,
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Somebody else may have made the descriptor non-blocking.
fn write_all(to: &mut (impl Write + AsFd), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if is_passing(&error) => wait(&mut [PollFd::new(to, PollFlags::OUT)])?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Waits for input, or its end; `None` when `until` has hung up.
fn wait_for_input(from: &impl AsFd, until: Option<&UnixStream>) -> io::Result<Option<()>> {
    let Some(until) = until else {
        wait(&mut [PollFd::new(from, PollFlags::IN)])?;
        return Ok(Some(()));
    };
    let mut either = [PollFd::new(from, PollFlags::IN), PollFd::new(until, PollFlags::empty())];
    wait(&mut either)?;
    Ok(either[1].revents().is_empty().then_some(()))
}

fn wait(descriptors: &mut [PollFd<'_>]) -> io::Result<()> {
    match poll(descriptors, None) {
        Err(error) if io::Error::from(error).kind() != ErrorKind::Interrupted => Err(error.into()),
        _ => Ok(()),
    }
}

fn has_hung_up(socket: &UnixStream) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::empty())];
    poll(&mut asked, Some(&Timespec::default())).is_ok() && asked[0].revents().contains(PollFlags::HUP)
}

/// There is one standard input: who reads it is given all of it.
struct Claim;

static CLAIMED: AtomicBool = AtomicBool::new(false);

impl Claim {
    /// Held until both threads are done.
    fn of_stdio() -> io::Result<Arc<Self>> {
        if CLAIMED.swap(true, Ordering::Relaxed) {
            return Err(io::Error::new(ErrorKind::ResourceBusy, "standard input has a connection already"));
        }
        Ok(Arc::new(Self))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        CLAIMED.store(false, Ordering::Relaxed);
    }
}

/// Says why the output ended, where the socket knows only that it did.
struct Output {
    lost: Arc<OnceLock<io::Error>>,
    _alive: Sender<Infallible>,
    beneath: Layers,
}

impl Output {
    /// What ended it, if anything did. An `io::Error` cannot be cloned.
    fn fault(&self) -> Option<io::Error> {
        let error = self.lost.get()?;
        Some(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error))
    }
}

impl Layer for Output {
    fn read(&mut self, below: &mut Option<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.beneath.read(below, buffer);
        match (&read, self.fault()) {
            (Ok(0), Some(fault)) => Err(fault),
            _ => read,
        }
    }

    fn write(&mut self, below: &mut Option<TcpStream>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.beneath.write(below, slices)
    }

    fn has_input(&mut self, below: &mut Option<TcpStream>) -> bool {
        self.beneath.has_input(below)
    }

    fn shutdown(&mut self, below: &mut Option<TcpStream>) -> io::Result<()> {
        self.beneath.shutdown(below)
    }

    fn watch(&mut self, token: Token) {
        self.beneath.watch(token);
    }

    fn error(&self) -> Option<io::Error> {
        self.beneath.error()
    }
}
