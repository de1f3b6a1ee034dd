//! Handshakes and headers that come before a connection.

use std::cell::Cell;
use std::rc::Rc;

use super::{Dialled, Reactor};
use crate::deferred::Deferred;
use crate::failure::Failure;
use crate::protocol::ConnectionKey;
use crate::transport::{Ends, Greeting, Kept, Prefaces, Prologue, Socket};

impl Reactor {
    /// Takes a socket through what comes before its connection, then calls `done` with it, or with why it did not get
    /// through: between handlers, once, unless the reactor goes before. [`remove`](Self::remove) of the key ends it early.
    pub(crate) fn go_through(
        &self,
        socket: Socket,
        ends: Ends,
        prologue: &Prologue,
        done: impl FnOnce(&Self, Result<(Socket, Ends), Failure>) -> Kept + 'static,
    ) -> ConnectionKey {
        let prefaces = Prefaces::begin(prologue, self.time());
        let (agenda, core) = (Rc::clone(&self.0.agenda), Rc::downgrade(&self.0));
        let greeted = move |result| {
            let core = core.upgrade()?;
            done(&Self(core), result)
        };
        self.add(|key| Some(Box::new(Greeting::new((socket, ends), prefaces, (agenda, key), Box::new(greeted)))))
    }

    /// Takes a socket that has reached its peer through what comes before its connection. Cancelling the Deferred closes it.
    ///
    /// Not from inside of a connection's handlers, which have what sockets are read into.
    pub(crate) fn prepare(&self, dialled: Dialled, prologue: &Prologue) -> Deferred<Dialled> {
        let Dialled { socket, host, peer } = dialled;
        let (core, key) = (Rc::downgrade(&self.0), Rc::new(Cell::new(None)));
        let to_cancel = Rc::clone(&key);
        let (resolver, prepared) = Deferred::with_canceller(move |_| {
            if let (Some(core), Some(key)) = (core.upgrade(), to_cancel.take()) {
                Self(core).remove(key);
            }
        });
        let waiting = Rc::clone(&key);
        let begun = self.go_through(socket, Ends { host, peer }, prologue, move |_, greeted| {
            // Removing it tells so too, but who cancelled knows that.
            if waiting.take().is_some() {
                resolver.fire(greeted.map(|(socket, Ends { host, peer })| Dialled { socket, host, peer }));
            }
            None
        });
        key.set(Some(begun));
        prepared
    }
}
