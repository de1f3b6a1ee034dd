//! Files, sent as fast as the peer takes them.

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use super::{Producing, PullProducer, Transport};
use crate::deferred::{Deferred, Resolver};
use crate::error::{AlreadyProducing, SendingStopped};
use crate::failure::Failure;
use crate::framing::Framing;

/// Sends a file on a connection, as fast as the peer takes it: however long it is, about one chunk of it is in memory.
/// Twisted's `FileSender`.
///
/// What is read is sent as it is, without any framing. It is read when there is room for it, by the thread of the
/// reactor: for a disk that is fine, for a pipe or a terminal it is not.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::FileSender;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Download;
///
/// #[protocol]
/// impl Download {
///     #[on(line)]
///     fn send(&mut self, cx: &Context<Self>, _name: &str) {
///         let file: &[u8] = b"the contents of the file"; // or `File::open(…)?`
///         let sent = FileSender::new(file).send(&cx.transport());
///         cx.attach(sent, |_, cx, bytes| {
///             cx.send(format!(" ({bytes} bytes)"));
///             cx.lose_connection();
///         });
///     }
/// }
///
/// let client = twisty::testing::Server::new(Download::factory()).connect();
/// assert_eq!(client.receive("a file\r\n").sent(), "the contents of the file (24 bytes)\r\n");
/// ```
pub struct FileSender<R> {
    file: R,
    transform: Option<Transform>,
}

type Transform = Box<dyn FnMut(&[u8]) -> Vec<u8>>;

impl<R: Read + 'static> FileSender<R> {
    /// Bytes that are read at once. (Twisted's `CHUNK_SIZE` is 16 KiB.)
    pub const CHUNK: usize = 64 * 1024;

    /// A sender of what can still be read from `file`.
    ///
    /// ```
    /// use twisty::protocol::FileSender;
    ///
    /// let sender = FileSender::new(std::io::empty());
    /// # drop(sender);
    /// ```
    pub const fn new(file: R) -> Self {
        Self { file, transform: None }
    }

    /// Sends what `transform` makes of each chunk instead. A chunk has any length from 1 to [`CHUNK`](Self::CHUNK).
    ///
    /// ```
    /// use twisty::protocol::FileSender;
    ///
    /// let file: &[u8] = b"quietly";
    /// let sender = FileSender::new(file).transform(|chunk| chunk.to_ascii_uppercase());
    /// # drop(sender);
    /// ```
    #[must_use]
    pub fn transform(self, transform: impl FnMut(&[u8]) -> Vec<u8> + 'static) -> Self {
        Self { transform: Some(Box::new(transform)), ..self }
    }

    /// Sends it all; the Deferred fires with the number of bytes that were read, once the last of them is queued. Then
    /// another producer may be registered. (Twisted's `beginFileTransfer`.)
    ///
    /// It fails with [`AlreadyProducing`](crate::AlreadyProducing) if the connection has a producer, with the error if the
    /// file cannot be read, and with [`SendingStopped`] if the connection is lost before. Cancelling it stops the sending.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// use twisty::protocol::FileSender;
    ///
    /// # fn example(peer: &Transport<Raw>) -> twisty::Result<Deferred<u64>> {
    /// let file = std::fs::File::open("quote.txt")?;
    /// let sent = FileSender::new(file).send(peer);
    /// peer.lose_connection(); // waits for the file
    /// # Ok(sent)
    /// # }
    /// ```
    pub fn send<F: Framing>(self, transport: &Transport<F>) -> Deferred<u64> {
        if transport.has_producer() {
            return Deferred::fail(AlreadyProducing);
        }
        let (cancelled, to) = (Rc::new(Cell::new(false)), transport.clone());
        let cancels = Rc::clone(&cancelled);
        let (resolver, sent) = Deferred::with_canceller(move |_| {
            cancels.set(true);
            to.unregister_producer();
        });
        let (sender, chunk, resolver) = (self, vec![0; Self::CHUNK], Some(resolver));
        let _it_has_none = transport.register_pull_producer(Sending { sender, chunk, sent: 0, resolver, cancelled });
        sent
    }
}

/// A file that is being sent.
struct Sending<R> {
    sender: FileSender<R>,
    chunk: Vec<u8>,
    sent: u64,
    /// `None` once it is known how it ended.
    resolver: Option<Resolver<u64>>,
    /// Who waits for the end has lost interest.
    cancelled: Rc<Cell<bool>>,
}

impl<R: Read> Sending<R> {
    /// Sends a chunk of which something is left after the transformation; false at the end of the file.
    fn send_chunk(&mut self, out: &Producing<'_>) -> io::Result<bool> {
        loop {
            let read = match self.sender.file.read(&mut self.chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => &self.chunk[..read?],
            };
            if read.is_empty() {
                return Ok(false);
            }
            self.sent += read.len() as u64;
            let sent = self.sender.transform.as_mut().map(|transform| transform(read));
            let sent = sent.as_deref().unwrap_or(read);
            out.write(sent);
            if !sent.is_empty() {
                return Ok(true);
            }
        }
    }
}

impl<R: Read> PullProducer for Sending<R> {
    fn produce(&mut self, out: &Producing<'_>) {
        let result = match self.send_chunk(out) {
            Ok(true) => return,
            Ok(false) => Ok(self.sent),
            Err(error) => Err(error.into()),
        };
        // First, so that a callback may send another one.
        out.finish();
        if let Some(resolver) = self.resolver.take() {
            resolver.fire(result);
        }
    }
}

/// It is stopped, or unregistered by somebody else.
impl<R> Drop for Sending<R> {
    fn drop(&mut self) {
        if let Some(resolver) = self.resolver.take().filter(|_| !self.cancelled.get()) {
            resolver.errback(Failure::of_a_peer(SendingStopped { sent: self.sent }));
        }
    }
}

impl<R> fmt::Debug for FileSender<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSender").field("transform", &self.transform.is_some()).finish_non_exhaustive()
    }
}
