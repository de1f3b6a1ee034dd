//! Raw descriptors: anything that the poll can watch, with calls of the program's own.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::entries::{Entry, Other, token_of};
use super::{Core, Reactor};
use crate::error::{ConnectionAborted, HandlerPanicked, is_orderly};
use crate::failure::Failure;
use crate::protocol::ConnectionKey;

/// What is called while its descriptor can be read. (Twisted's `IReadDescriptor`.)
///
/// [`Reactor::add_reader`] takes it, and calls [`read_ready`](Self::read_ready) once a turn as long as there is something
/// to read, or the end of it (level-triggered). So it need not read everything at once; what it reads with should not
/// block.
///
/// A client for poetry, with the reactor and nothing above it:
///
/// ```
/// use std::io::{ErrorKind, Read};
/// use std::net::TcpStream;
/// use std::os::fd::{AsFd, BorrowedFd};
/// use twisty::{ConnectionDone, Failure, ReadDescriptor, Reactor};
///
/// struct PoetrySocket {
///     socket: TcpStream,
///     poem: Vec<u8>,
/// }
///
/// impl AsFd for PoetrySocket {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.socket.as_fd()
///     }
/// }
///
/// impl ReadDescriptor for PoetrySocket {
///     fn read_ready(&mut self, _reactor: &Reactor) -> twisty::Result<()> {
///         let mut part = [0; 1024];
///         match self.socket.read(&mut part) {
///             Ok(0) => Err(ConnectionDone.into()),
///             Ok(count) => Ok(self.poem.extend(&part[..count])),
///             Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
///             Err(error) => Err(error.into()),
///         }
///     }
///
///     fn connection_lost(&mut self, reactor: &Reactor, _reason: Failure) {
///         print!("{}", String::from_utf8_lossy(&self.poem));
///         if reactor.readers().is_empty() {
///             reactor.stop().expect("it runs");
///         }
///     }
/// }
///
/// # let poet = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let address = poet.local_addr()?;
/// # std::thread::spawn(move || std::io::Write::write_all(&mut poet.accept()?.0, b"This is a poem\n"));
/// let reactor = Reactor::new()?;
/// let socket = TcpStream::connect(address)?;
/// socket.set_nonblocking(true)?;
/// reactor.add_reader(PoetrySocket { socket, poem: Vec::new() })?;
/// reactor.run()?;
/// # Ok::<(), twisty::Failure>(())
/// ```
pub trait ReadDescriptor: AsFd + 'static {
    /// There is something to read, or the end of it.
    ///
    /// # Errors
    /// Why it is over: it is watched no more, and told so by [`connection_lost`](Self::connection_lost).
    /// [`ConnectionDone`](crate::ConnectionDone) is a good end, others are reported. (Twisted's `doRead`.)
    fn read_ready(&mut self, reactor: &Reactor) -> Result<(), Failure>;

    /// It is watched no more: [`read_ready`](Self::read_ready) failed or panicked, or the reactor stops, with
    /// [`ConnectionAborted`]. Not called when it was removed. Then it is dropped.
    fn connection_lost(&mut self, reactor: &Reactor, reason: Failure) {
        let _ = (reactor, reason);
    }
}

/// What is called while its descriptor can be written to. (Twisted's `IWriteDescriptor`.)
///
/// ```
/// use std::io::Write;
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::os::unix::net::UnixStream;
/// use twisty::{ConnectionDone, Reactor, WriteDescriptor};
///
/// struct Greeter(UnixStream);
///
/// impl AsFd for Greeter {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.0.as_fd()
///     }
/// }
///
/// impl WriteDescriptor for Greeter {
///     fn write_ready(&mut self, reactor: &Reactor) -> twisty::Result<()> {
///         self.0.write_all(b"hello")?;
///         reactor.stop()?;
///         Err(ConnectionDone.into())
///     }
/// }
///
/// let (mut ours, theirs) = UnixStream::pair()?;
/// let reactor = Reactor::new()?;
/// reactor.add_writer(Greeter(theirs))?;
/// reactor.run()?;
/// assert_eq!(std::io::read_to_string(&mut ours)?, "hello");
/// # Ok::<(), twisty::Failure>(())
/// ```
pub trait WriteDescriptor: AsFd + 'static {
    /// A write may succeed. As [`ReadDescriptor::read_ready`] else. (Twisted's `doWrite`.)
    ///
    /// # Errors
    /// Why it is over.
    fn write_ready(&mut self, reactor: &Reactor) -> Result<(), Failure>;

    /// As [`ReadDescriptor::connection_lost`].
    fn connection_lost(&mut self, reactor: &Reactor, reason: Failure) {
        let _ = (reactor, reason);
    }
}

/// Names what is watched; dropping it changes nothing.
///
/// ```
/// use twisty::{ReadDescriptor, Reactor};
///
/// struct Bell(std::io::PipeReader);
/// # impl std::os::fd::AsFd for Bell {
/// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
/// # }
/// # impl ReadDescriptor for Bell {
/// #     fn read_ready(&mut self, _reactor: &Reactor) -> twisty::Result<()> { Ok(()) }
/// # }
/// let reactor = Reactor::new()?;
/// let (reads, _writes) = std::io::pipe()?;
/// let watch = reactor.add_reader(Bell(reads))?;
/// assert!(watch.is_active());
/// assert!(reactor.remove_reader(&watch) && !watch.is_active());
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct Watch {
    reactor: Weak<Core>,
    key: ConnectionKey,
    direction: Direction,
}

impl Watch {
    /// Whether it is watched still.
    ///
    /// ```
    /// # struct Bell(std::io::PipeReader);
    /// # impl std::os::fd::AsFd for Bell {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::ReadDescriptor for Bell {
    /// #     fn read_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (reads, _writes) = std::io::pipe()?;
    /// let watch = reactor.add_reader(Bell(reads))?;
    /// assert!(watch.is_active());
    /// drop(reactor);
    /// assert!(!watch.is_active());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.reactor.upgrade().is_some_and(|core| core.entries.borrow().contains_key(self.key))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("direction", &self.direction).field("is_active", &self.is_active()).finish()
    }
}

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
}

impl Reactor {
    /// Calls `descriptor` whenever it can be read, until it fails, is [removed](Self::remove_reader), or the reactor stops.
    /// It belongs to the reactor from now on. (Twisted's `addReader`.)
    ///
    /// What the poll does not watch since it never blocks, a file say, is called once a turn, as in Twisted: the reactor
    /// does not sleep as long. One socket may have a reader and a writer that share it, by an `Rc<TcpStream>` say.
    ///
    /// # Errors
    /// When the operating system refuses to watch it.
    ///
    /// ```
    /// # struct Bell(std::io::PipeReader);
    /// # impl std::os::fd::AsFd for Bell {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::ReadDescriptor for Bell {
    /// #     fn read_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (reads, _writes) = std::io::pipe()?;
    /// reactor.add_reader(Bell(reads))?;
    /// assert_eq!(reactor.readers().len(), 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn add_reader(&self, descriptor: impl ReadDescriptor) -> io::Result<Watch> {
        self.add_watch(Direction::Read, Box::new(Reader(descriptor)))
    }

    /// Calls `descriptor` whenever it can be written to. As [`add_reader`](Self::add_reader) else. (Twisted's `addWriter`.)
    ///
    /// # Errors
    /// When the operating system refuses to watch it.
    ///
    /// ```
    /// # struct Tap(std::io::PipeWriter);
    /// # impl std::os::fd::AsFd for Tap {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::WriteDescriptor for Tap {
    /// #     fn write_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (_reads, writes) = std::io::pipe()?;
    /// reactor.add_writer(Tap(writes))?;
    /// assert_eq!(reactor.writers().len(), 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn add_writer(&self, descriptor: impl WriteDescriptor) -> io::Result<Watch> {
        self.add_watch(Direction::Write, Box::new(Writer(descriptor)))
    }

    /// Watches a reader no more and drops it; false if there is no such reader any more. (Twisted's `removeReader`.)
    ///
    /// ```
    /// # struct Bell(std::io::PipeReader);
    /// # impl std::os::fd::AsFd for Bell {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::ReadDescriptor for Bell {
    /// #     fn read_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (reads, _writes) = std::io::pipe()?;
    /// let reader = reactor.add_reader(Bell(reads))?;
    /// assert!(reactor.remove_reader(&reader));
    /// assert!(!reactor.remove_reader(&reader));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn remove_reader(&self, reader: &Watch) -> bool {
        self.remove_watch(reader, Direction::Read)
    }

    /// Watches a writer no more and drops it; false if there is no such writer any more. (Twisted's `removeWriter`.)
    ///
    /// ```
    /// # struct Tap(std::io::PipeWriter);
    /// # impl std::os::fd::AsFd for Tap {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::WriteDescriptor for Tap {
    /// #     fn write_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (_reads, writes) = std::io::pipe()?;
    /// let writer = reactor.add_writer(Tap(writes))?;
    /// assert!(reactor.remove_writer(&writer));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn remove_writer(&self, writer: &Watch) -> bool {
        self.remove_watch(writer, Direction::Write)
    }

    /// Removes all readers and writers that were added; ports and connections stay. (Twisted's `removeAll`.)
    ///
    /// ```
    /// # struct Bell(std::io::PipeReader);
    /// # impl std::os::fd::AsFd for Bell {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::ReadDescriptor for Bell {
    /// #     fn read_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (reads, _writes) = std::io::pipe()?;
    /// reactor.add_reader(Bell(reads))?;
    /// reactor.remove_all();
    /// assert!(reactor.readers().is_empty());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn remove_all(&self) {
        for watch in self.readers().into_iter().chain(self.writers()) {
            self.remove(watch.key);
        }
    }

    /// What [`add_reader`](Self::add_reader) added, and is watched still. (Twisted's `getReaders`.)
    ///
    /// ```
    /// # struct Bell(std::io::PipeReader);
    /// # impl std::os::fd::AsFd for Bell {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::ReadDescriptor for Bell {
    /// #     fn read_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (reads, _writes) = std::io::pipe()?;
    /// let reader = reactor.add_reader(Bell(reads))?;
    /// assert!(reactor.readers().iter().all(|watch| watch.is_active()));
    /// reactor.remove_reader(&reader);
    /// assert!(reactor.readers().is_empty());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn readers(&self) -> Vec<Watch> {
        self.watches(Direction::Read)
    }

    /// What [`add_writer`](Self::add_writer) added, and is watched still. (Twisted's `getWriters`.)
    ///
    /// ```
    /// # struct Tap(std::io::PipeWriter);
    /// # impl std::os::fd::AsFd for Tap {
    /// #     fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> { self.0.as_fd() }
    /// # }
    /// # impl twisty::WriteDescriptor for Tap {
    /// #     fn write_ready(&mut self, _reactor: &twisty::Reactor) -> twisty::Result<()> { Ok(()) }
    /// # }
    /// let reactor = twisty::Reactor::new()?;
    /// let (_reads, writes) = std::io::pipe()?;
    /// reactor.add_writer(Tap(writes))?;
    /// assert_eq!((reactor.readers().len(), reactor.writers().len()), (0, 1));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn writers(&self) -> Vec<Watch> {
        self.watches(Direction::Write)
    }

    fn watches(&self, wanted: Direction) -> Vec<Watch> {
        let watch = |(key, entry): (ConnectionKey, &Entry)| match entry {
            Entry::Other(Other::Watched(direction, _)) if *direction == wanted => Some(self.watch_of(key, wanted)),
            _ => None,
        };
        self.0.entries.borrow().iter().filter_map(watch).collect()
    }

    fn watch_of(&self, key: ConnectionKey, direction: Direction) -> Watch {
        Watch { reactor: Rc::downgrade(&self.0), key, direction }
    }

    fn add_watch(&self, direction: Direction, descriptor: Box<dyn Descriptor>) -> io::Result<Watch> {
        let key = self.0.entries.borrow_mut().insert(Entry::Other(Other::Watched(direction, None)));
        // Outside of the borrow: one that is refused is dropped here, and may use the reactor.
        match Watched::register(descriptor, direction, &self.0.registry, token_of(key)) {
            Ok(watched) => {
                if watched.is_always_ready() {
                    self.0.busy.borrow_mut().push(key);
                }
                self.put_back_watched(key, Box::new(watched));
                Ok(self.watch_of(key, direction))
            }
            Err(error) => {
                self.0.entries.borrow_mut().remove(key);
                Err(error)
            }
        }
    }

    fn put_back_watched(&self, key: ConnectionKey, watched: Box<Watched>) {
        if let Some(Entry::Other(Other::Watched(_, place))) = self.0.entries.borrow_mut().get_mut(key) {
            *place = Some(watched);
        }
    }

    fn remove_watch(&self, watch: &Watch, direction: Direction) -> bool {
        let ours = watch.reactor.ptr_eq(&Rc::downgrade(&self.0)) && watch.direction == direction;
        let found = ours && self.is_open(watch.key);
        if found {
            self.remove(watch.key);
        }
        found
    }

    /// Calls a descriptor that was taken out of its place, and puts it back to be called again.
    pub(super) fn call_watched(&self, key: ConnectionKey, mut watched: Box<Watched>) {
        let called = self.guarded(|| HandlerPanicked::catch(|| watched.descriptor.ready(self)));
        let result = called.unwrap_or(Ok(Ok(()))).unwrap_or_else(|panicked| Err(panicked.into()));
        let goes_on = result.and_then(|()| Ok(watched.rearm(&self.0.registry, token_of(key))?));
        if !self.is_open(key) {
            watched.deregister(&self.0.registry);
            self.guarded(|| drop(watched));
            return;
        }
        match goes_on {
            Ok(()) => {
                if watched.is_always_ready() {
                    self.0.busy.borrow_mut().push(key);
                }
                self.put_back_watched(key, watched);
            }
            Err(reason) => self.lose_watched(key, watched, reason),
        }
    }

    /// The reactor stops.
    pub(super) fn abort_watched(&self, key: ConnectionKey) {
        let taken = match self.0.entries.borrow_mut().get_mut(key) {
            Some(Entry::Other(Other::Watched(_, watched))) => watched.take(),
            _ => None,
        };
        if let Some(watched) = taken {
            self.lose_watched(key, watched, ConnectionAborted.into());
        }
    }

    fn lose_watched(&self, key: ConnectionKey, mut watched: Box<Watched>, reason: Failure) {
        watched.deregister(&self.0.registry);
        self.remove(key);
        if !is_orderly(&reason) {
            tracing::error!(failure = %reason, fd = watched.fd, "a descriptor is watched no more");
        }
        self.guarded(|| watched.descriptor.lost(self, reason));
        self.guarded(|| drop(watched));
    }
}

/// A descriptor that is watched, in one direction.
pub(super) struct Watched {
    descriptor: Box<dyn Descriptor>,
    direction: Direction,
    /// The number that the poll knows it by.
    fd: RawFd,
    /// The poll takes each number once: the second in line gets one of its own.
    _twin: Option<OwnedFd>,
    polled: Polled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Polled {
    Yes,
    /// The poll does not watch what never blocks.
    AlwaysReady,
}

impl Watched {
    fn register(
        descriptor: Box<dyn Descriptor>,
        direction: Direction,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let fd = descriptor.fd().as_raw_fd();
        let register = |fd| registry.register(&mut SourceFd(&fd), token, direction.interest());
        match register(fd) {
            Ok(()) => Ok(Self { descriptor, direction, fd, _twin: None, polled: Polled::Yes }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let twin = descriptor.fd().try_clone_to_owned()?;
                let fd = twin.as_raw_fd();
                register(fd)?;
                Ok(Self { descriptor, direction, fd, _twin: Some(twin), polled: Polled::Yes })
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Ok(Self { descriptor, direction, fd, _twin: None, polled: Polled::AlwaysReady })
            }
            Err(error) => Err(error),
        }
    }

    fn is_always_ready(&self) -> bool {
        self.polled == Polled::AlwaysReady
    }

    /// The poll is edge-triggered: it speaks again of what is still ready only if it is asked again.
    fn rearm(&self, registry: &Registry, token: Token) -> io::Result<()> {
        match self.polled {
            Polled::Yes => registry.reregister(&mut SourceFd(&self.fd), token, self.direction.interest()),
            Polled::AlwaysReady => Ok(()),
        }
    }

    pub(super) fn deregister(&self, registry: &Registry) {
        let result = match self.polled {
            Polled::Yes => registry.deregister(&mut SourceFd(&self.fd)),
            Polled::AlwaysReady => Ok(()),
        };
        if let Err(error) = result {
            tracing::debug!(%error, fd = self.fd, "a descriptor was closed before the poll let go of it");
        }
    }
}

impl Direction {
    const fn interest(self) -> Interest {
        match self {
            Self::Read => Interest::READABLE,
            Self::Write => Interest::WRITABLE,
        }
    }
}

/// Either kind, as the reactor calls it.
trait Descriptor {
    fn fd(&self) -> BorrowedFd<'_>;
    fn ready(&mut self, reactor: &Reactor) -> Result<(), Failure>;
    fn lost(&mut self, reactor: &Reactor, reason: Failure);
}

struct Reader<D>(D);

impl<D: ReadDescriptor> Descriptor for Reader<D> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn ready(&mut self, reactor: &Reactor) -> Result<(), Failure> {
        self.0.read_ready(reactor)
    }

    fn lost(&mut self, reactor: &Reactor, reason: Failure) {
        self.0.connection_lost(reactor, reason);
    }
}

struct Writer<D>(D);

impl<D: WriteDescriptor> Descriptor for Writer<D> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn ready(&mut self, reactor: &Reactor) -> Result<(), Failure> {
        self.0.write_ready(reactor)
    }

    fn lost(&mut self, reactor: &Reactor, reason: Failure) {
        self.0.connection_lost(reactor, reason);
    }
}
