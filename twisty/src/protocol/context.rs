//! What a handler is given besides its frame.

use std::any::Any;
use std::cell::{Ref, RefCell, RefMut};
use std::fmt;

use super::{Address, Protocol, Seat, ToFrame, Transport};
use crate::failure::Failure;
use crate::framing::Line;

/// A connection as its own protocol sees it: its transport, its factory and its state.
///
/// All methods take `&self`, and none of them calls a protocol: whatever they cause happens after the handler.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Polite;
///
/// #[protocol]
/// impl Polite {
///     #[on(line)]
///     fn reply(&mut self, cx: &Context<Self>, line: &str) {
///         cx.send(format!("You said {line}."));
///         cx.send("Good bye.");
///         cx.lose_connection();
///     }
/// }
///
/// let server = twisty::testing::Server::new(Polite::factory());
/// let client = server.connect();
/// client.receive("hi\r\nthere\r\n");
/// assert_eq!(client.sent(), "You said hi.\r\nGood bye.\r\n");
/// assert!(!client.is_connected());
/// ```
pub struct Context<P: Protocol> {
    transport: Transport<P::Framing>,
    seat: Seat<P::Factory>,
    /// One box for as long as the connection lives; `None` until it is asked for.
    state: RefCell<Option<Box<dyn Any>>>,
}

impl<P: Protocol> Context<P> {
    pub(crate) fn new(transport: Transport<P::Framing>, seat: Seat<P::Factory>) -> Self {
        Self { transport, seat, state: RefCell::new(None) }
    }

    pub(crate) fn link(&self) -> &Transport<P::Framing> {
        &self.transport
    }

    /// A handle to this connection, to keep: in the factory, say, for others to send to.
    #[must_use]
    pub fn transport(&self) -> Transport<P::Framing> {
        self.transport.clone()
    }

    /// The factory that this connection belongs to, to look at.
    ///
    /// # Panics
    /// If the result of [`factory_mut`](Self::factory_mut) is still held.
    #[must_use]
    pub fn factory(&self) -> Ref<'_, P::Factory> {
        self.seat.shared().borrow()
    }

    /// The factory that this connection belongs to, to change.
    ///
    /// # Panics
    /// If another result of `factory` or `factory_mut` is still held.
    #[must_use]
    pub fn factory_mut(&self) -> RefMut<'_, P::Factory> {
        self.seat.shared().borrow_mut()
    }

    /// Connections of this factory that are open now, this one included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.seat.shared().connections()
    }

    /// Sends a frame to the peer; see [`Transport::send`].
    #[inline]
    pub fn send(&self, frame: impl ToFrame) {
        self.transport.send(frame);
    }

    /// Writes bytes to the peer as they are, without any framing; see [`Transport::write`].
    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        self.transport.write(bytes);
    }

    /// Closes this connection once everything sent so far is on its way; see [`Transport::lose_connection`].
    pub fn lose_connection(&self) {
        self.transport.lose_connection();
    }

    /// Ends this connection at once; see [`Transport::abort_connection`].
    pub fn abort_connection(&self) {
        self.transport.abort_connection();
    }

    /// Closes this connection for a reason; see [`Transport::fail`].
    pub fn fail(&self, reason: impl Into<Failure>) {
        self.transport.fail(reason.into());
    }

    /// Stops delivery after this frame; see [`Transport::pause_reading`].
    pub fn pause_reading(&self) {
        self.transport.pause_reading();
    }

    /// Delivers again; see [`Transport::resume_reading`].
    pub fn resume_reading(&self) {
        self.transport.resume_reading();
    }

    /// The framing of this connection, to change its settings; see [`Transport::framing_mut`].
    ///
    /// # Panics
    /// If the result of an earlier call is still held.
    #[must_use]
    pub fn framing_mut(&self) -> RefMut<'_, P::Framing> {
        self.transport.framing_mut()
    }

    /// The other end's address.
    #[must_use]
    pub fn peer(&self) -> Address {
        self.transport.peer()
    }

    /// This end's address.
    #[must_use]
    pub fn host(&self) -> Address {
        self.transport.host()
    }

    /// The state of this connection, made by `S::default()` when first asked for. It is what `#[state_machine]` keeps its
    /// states in, so that your struct needs no field for them; a connection has one, of one type.
    ///
    /// # Panics
    /// If it is asked for as two different types, or while an earlier result is held.
    #[must_use]
    pub fn state<S: Default + 'static>(&self) -> RefMut<'_, S> {
        RefMut::map(self.state.borrow_mut(), |state| {
            let state = state.get_or_insert_with(|| Box::new(S::default()));
            match state.downcast_mut() {
                Some(state) => state,
                None => panic!("the state of this connection is not a {}", std::any::type_name::<S>()),
            }
        })
    }
}

/// Between lines: raw mode.
///
/// ```
/// use twisty::prelude::*;
///
/// /// `SIZE n`, then n bytes of anything.
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Upload {
///     received: usize,
/// }
///
/// #[protocol]
/// impl Upload {
///     #[on(line)]
///     fn size(&mut self, cx: &Context<Self>, bytes: usize) {
///         cx.set_raw_mode_for(bytes);
///     }
///
///     #[on(raw)]
///     fn body(&mut self, data: &[u8]) {
///         self.received += data.len();
///     }
/// }
/// ```
impl<P: Protocol<Framing = Line>> Context<P> {
    /// Delivers all that follows, also of this chunk, as `raw` events; see [`Line::set_raw_mode`].
    pub fn set_raw_mode(&self) {
        self.framing_mut().set_raw_mode();
    }

    /// Delivers the next `bytes` bytes as `raw` events, then lines again; see [`Line::set_raw_mode_for`].
    pub fn set_raw_mode_for(&self, bytes: usize) {
        self.framing_mut().set_raw_mode_for(bytes);
    }

    /// Delivers lines again, first those in `rest`, the part of its data that a `raw` handler does not want; see
    /// [`Line::set_line_mode`].
    pub fn set_line_mode(&self, rest: &[u8]) {
        self.framing_mut().set_line_mode(rest);
    }
}

impl<P: Protocol> fmt::Debug for Context<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("transport", &self.transport).finish_non_exhaustive()
    }
}
