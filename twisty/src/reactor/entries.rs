//! What is registered with the poll: ports, connections, those to be and ports of datagrams, and how they are driven.

use mio::Token;
use slotmap::{Key, KeyData};

use super::dial::Attempt;
use super::port::Listener;
use super::watch::{Direction, Watched};
use super::{Job, Reactor};
use crate::clock::{TimerKey, Timestamp};
use crate::protocol::ConnectionKey;
use crate::transport::{Driver, Status};

pub(super) enum Entry {
    /// A connection, or a port of datagrams.
    Connection(Socket),
    /// In one variant, since a connection's entry has room to tell two apart.
    Other(Other),
}

/// What is no connection. Out of its place while it is called, as connections are.
pub(super) enum Other {
    Listener(Option<Box<Listener>>),
    /// A socket that connects. Out of its place only while it comes or goes.
    Attempt(Option<Box<Attempt>>),
    /// A descriptor of the program's own.
    Watched(Direction, Option<Box<Watched>>),
}

impl Entry {
    /// What is being driven.
    pub(super) const DRIVEN: Self = Self::Connection(Socket { driver: None, timer: TimerKey::NONE });
}

pub(super) struct Socket {
    /// Out of its place while it is being driven, so that its handlers may use the reactor.
    driver: Option<Box<dyn Driver>>,
    /// The last timer that was set for it; `NONE` before.
    timer: TimerKey,
}

/// The token of an entry: its key with its generation, so that an event that comes too late concerns nobody.
pub(super) fn token_of(key: ConnectionKey) -> Token {
    const { assert!(usize::BITS == 64, "twisty needs 64 bits: its tokens carry a generation") };
    Token(key.data().as_ffi() as usize)
}

pub(super) fn key_of(token: Token) -> ConnectionKey {
    KeyData::from_ffi(token.0 as u64).into()
}

impl Reactor {
    /// Lets an entry do its work: a connection with `work`, a listener by accepting.
    pub(super) fn drive(&self, key: ConnectionKey, work: impl FnOnce(&mut dyn Driver, &mut [u8], Timestamp)) {
        let mut entries = self.0.entries.borrow_mut();
        match entries.get_mut(key) {
            Some(Entry::Connection(socket)) => {
                let Some(mut driver) = socket.driver.take() else { return };
                drop(entries);
                let worked = self.guarded(|| work(&mut *driver, &mut self.0.buffer.borrow_mut(), self.0.now.get()));
                match worked {
                    Some(()) => self.put_back(key, driver),
                    None => self.discard(key, driver),
                }
            }
            Some(Entry::Other(Other::Listener(listener))) => {
                let Some(listener) = listener.take() else { return };
                let mut closed = None;
                drop(entries);
                if listener.accept(self, key) == Status::Busy {
                    self.0.busy.borrow_mut().push(key);
                }
                match self.0.entries.borrow_mut().get_mut(key) {
                    Some(Entry::Other(Other::Listener(place))) => *place = Some(listener),
                    _ => closed = Some(listener),
                }
                self.guarded(|| drop(closed));
            }
            Some(Entry::Other(Other::Attempt(_))) => {
                drop(entries);
                self.look_at_attempt(key);
            }
            Some(Entry::Other(Other::Watched(_, watched))) => {
                let Some(watched) = watched.take() else { return };
                drop(entries);
                self.call_watched(key, watched);
            }
            None => {}
        }
    }

    /// Puts a driver back in its place, unless that is gone.
    pub(super) fn put_back(&self, key: ConnectionKey, driver: Box<dyn Driver>) {
        let mut entries = self.0.entries.borrow_mut();
        if let Some(Entry::Connection(socket)) = entries.get_mut(key) {
            socket.driver = Some(driver);
        } else {
            drop(entries);
            self.discard(key, driver);
        }
    }

    /// Parts with a connection that is finished, or broke. What its protocol's own `drop` does wrong harms nobody.
    fn discard(&self, key: ConnectionKey, driver: Box<dyn Driver>) {
        self.count_out(Some(&*driver));
        self.guarded(|| drop(driver));
        self.remove(key);
    }

    pub(super) fn entry_is_due(&self, key: ConnectionKey) {
        self.drive(key, |driver, _, now| driver.handle_timeout(now));
    }

    /// Does what connections wish, until none wishes anything: closing one may make others send.
    pub(super) fn settle(&self) {
        let mut round = self.0.round.take();
        while self.0.agenda.take(&mut round) {
            for &key in &round {
                self.settle_one(key);
            }
        }
        self.0.round.replace(round);
    }

    fn settle_one(&self, key: ConnectionKey) {
        let taken = match self.0.entries.borrow_mut().get_mut(key) {
            Some(Entry::Connection(socket)) => socket.driver.take(),
            _ => None,
        };
        let Some(mut driver) = taken else { return };
        let settled = self.guarded(|| (driver.settle(self.0.now.get()), driver.deadline()));
        match settled {
            Some((Status::Gone, _)) | None => self.discard(key, driver),
            Some((status, deadline)) => {
                if status == Status::Busy {
                    self.0.busy.borrow_mut().push(key);
                }
                self.watch(key, driver, deadline);
            }
        }
    }

    /// Puts a driver back in its place, to wait for its events and its deadline. It is registered with the poll only now
    /// that it has been settled once: many are over before.
    fn watch(&self, key: ConnectionKey, mut driver: Box<dyn Driver>, deadline: Option<Timestamp>) {
        if let Err(error) = driver.register(&self.0.registry, token_of(key)) {
            tracing::error!(%error, "a connection cannot be polled, it is closed");
            return self.discard(key, driver);
        }
        let mut entries = self.0.entries.borrow_mut();
        match entries.get_mut(key) {
            Some(Entry::Connection(socket)) => {
                if let Some(deadline) = deadline {
                    self.arm(key, socket, deadline);
                }
                socket.driver = Some(driver);
            }
            _ => {
                drop(entries);
                self.discard(key, driver);
            }
        }
    }

    /// Sets a connection's timer. One that goes off too early costs less than moving it at every frame.
    fn arm(&self, key: ConnectionKey, socket: &mut Socket, deadline: Timestamp) {
        let mut timers = self.0.timers.borrow_mut();
        match timers.when(socket.timer) {
            Some(when) if when <= deadline => {}
            Some(_later) => {
                timers.reschedule(socket.timer, deadline);
            }
            None => socket.timer = timers.insert(deadline, Job::Entry(key)),
        }
    }

    /// Adds a connection, unless `build` makes none; its key, or what was to be.
    pub(super) fn add(&self, build: impl FnOnce(ConnectionKey) -> Option<Box<dyn Driver>>) -> ConnectionKey {
        let key = self.0.entries.borrow_mut().insert(Entry::DRIVEN);
        self.count(1);
        // Outside of the borrow, since the factory makes the protocol, which says what its framing and its limits are.
        match self.guarded(|| build(key)).flatten() {
            Some(driver) => {
                self.put_back(key, driver);
                self.drive(key, |driver, _, now| driver.open(now));
            }
            None => {
                self.remove(key);
                self.count(-1);
            }
        }
        key
    }

    /// One connection more or less.
    fn count(&self, change: isize) {
        self.0.connections.set(self.0.connections.get().saturating_add_signed(change));
    }

    /// What goes now counts no more, if it is a connection. What is being driven goes later.
    fn count_out(&self, driver: Option<&dyn Driver>) {
        if driver.is_some_and(Driver::is_connection) {
            self.count(-1);
        }
    }

    pub(super) fn remove(&self, key: ConnectionKey) {
        // Dropped outside of the borrow: a factory may be stopped by it.
        let removed = self.0.entries.borrow_mut().remove(key);
        match &removed {
            Some(Entry::Connection(socket)) => {
                self.count_out(socket.driver.as_deref());
                self.0.timers.borrow_mut().remove(socket.timer);
            }
            Some(Entry::Other(Other::Watched(_, Some(watched)))) => watched.deregister(&self.0.registry),
            _ => {}
        }
        self.0.agenda.with_own_fault(|| {
            self.guarded(|| drop(removed));
        });
    }

    pub(super) fn is_open(&self, key: ConnectionKey) -> bool {
        self.0.entries.borrow().contains_key(key)
    }

    /// Closes ports, and connections after what they have queued or at once; watches no descriptor any more.
    pub(super) fn close_all(&self, at_once: bool) {
        let keys: Vec<ConnectionKey> = self.0.entries.borrow().keys().collect();
        for key in keys {
            let (is_connection, is_watched) = match self.0.entries.borrow().get(key) {
                Some(Entry::Connection(_)) => (true, false),
                Some(Entry::Other(Other::Watched(..))) => (false, true),
                _ => (false, false),
            };
            if is_watched {
                self.abort_watched(key);
            } else if is_connection {
                self.drive(key, |driver, _, _| driver.close(at_once));
            } else {
                self.remove(key);
            }
        }
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slot map adds eight bytes to each; see `transport::Stream` for what else an idle connection costs.
    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 24, "{} bytes", size_of::<Entry>());
    }
}
