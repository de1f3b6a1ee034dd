//! Handshakes and headers that come before a connection.

use std::rc::Rc;

use super::Reactor;
use crate::failure::Failure;
use crate::protocol::ConnectionKey;
use crate::transport::{Ends, Greeting, Prefaces, Prologue, Socket};

impl Reactor {
    /// Takes a socket through what comes before its connection, then calls `done` with it, or with why it did not get
    /// through: between handlers, once, unless the reactor goes before. [`remove`](Self::remove) of the key ends it early.
    pub(crate) fn go_through(
        &self,
        socket: Socket,
        ends: Ends,
        prologue: &Prologue,
        done: impl FnOnce(&Self, Result<(Socket, Ends), Failure>) + 'static,
    ) -> ConnectionKey {
        let prefaces = Prefaces::begin(prologue, self.time());
        let (agenda, core) = (Rc::clone(&self.0.agenda), Rc::downgrade(&self.0));
        let greeted = move |result| {
            if let Some(core) = core.upgrade() {
                done(&Self(core), result);
            }
        };
        self.add(|key| Some(Box::new(Greeting::new((socket, ends), prefaces, (agenda, key), Box::new(greeted)))))
    }
}
