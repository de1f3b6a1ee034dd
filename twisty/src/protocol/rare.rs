//! What few connections have.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::half_close::WriteSide;
use super::producer::Production;
use super::{Phase, TlsInfo, Transport, Watch};
use crate::clock::Timestamp;
use crate::deferred::{self, Deferred, Resolver};
use crate::error::{CancelledError, StartTlsError};
use crate::failure::Failure;
use crate::framing::Framing;

/// What few connections have, behind one pointer, so that all the others pay for it with no more than that.
#[derive(Default)]
pub(crate) struct Rare {
    /// Why the connection is being closed, if there is more to say than that it is.
    pub(crate) reason: Option<Failure>,
    /// How far our side alone is closed.
    pub(super) write_side: WriteSide,
    /// What is registered to send as much as the peer takes.
    pub(super) production: Option<Production>,
    /// The queue ran low after it had been over the high-water mark, and the protocol has not been told.
    pub(super) drained: bool,
    /// Messages of broadcasts that were not sent, because the peer was too slow.
    pub(super) dropped: u64,
    /// TLS is to begin, or is beginning.
    pub(crate) upgrade: Option<Upgrade>,
    /// What the ends agreed on, where it has begun.
    pub(crate) tls: Option<Rc<TlsInfo>>,
    /// Who is told how it goes, besides its protocol. Until it is over, so that the two may hold each other.
    pub(crate) watcher: Option<Rc<dyn Watcher>>,
    /// What policies know of it.
    pub(crate) watch: Option<Box<Watch>>,
    /// It counts as a connection of its peer.
    pub(crate) counted: bool,
}

impl<F> Transport<F> {
    /// Changes what few connections have. Nobody else's code may run meanwhile, not even a `drop`: it would look in vain.
    pub(crate) fn with_rare<R>(&self, change: impl FnOnce(&mut Rare) -> R) -> R {
        let mut rare = self.0.rare.take().unwrap_or_default();
        let result = change(&mut rare);
        self.0.rare.set(Some(rare));
        result
    }

    /// Whether this connection has any of it.
    #[inline]
    pub(crate) fn has_rare(&self) -> bool {
        let rare = self.0.rare.take();
        let any = rare.is_some();
        self.0.rare.set(rare);
        any
    }

    /// The same, if this connection has any of it.
    pub(crate) fn if_rare<R>(&self, change: impl FnOnce(&mut Rare) -> R) -> Option<R> {
        let mut rare = self.0.rare.take()?;
        let result = change(&mut rare);
        self.0.rare.set(Some(rare));
        Some(result)
    }
}

impl<F: Framing> Transport<F> {
    // ---- TLS in mid-connection

    /// Has whoever drives the connection do `work`, which it understands, between what was sent before and what is sent
    /// after this; until that is done nothing is delivered.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS is all there is to begin in mid-connection"))]
    pub(crate) fn upgrade(&self, work: Box<dyn Any>) -> Deferred<()> {
        if self.0.phase.get() == Phase::Upgrading || self.tls().is_some() {
            return Deferred::fail(StartTlsError::AlreadyStarted);
        }
        if self.0.phase.get() != Phase::Open {
            return Deferred::fail(StartTlsError::NotConnected);
        }
        let (resolver, done) = Deferred::new();
        let clear = self.outbox().take_all();
        self.with_rare(|rare| rare.upgrade = Some(Upgrade { clear, work, deadline: None, resolver }));
        self.0.phase.set(Phase::Upgrading);
        self.disturb();
        self.enter();
        done
    }

    /// TLS has begun: frames are delivered again. Who waits for that is the caller's to tell.
    pub(crate) fn upgraded(&self, tls: Option<Rc<TlsInfo>>) {
        self.set_tls(tls);
        self.0.phase.set(Phase::Open);
        self.0.restarted.set(true);
        self.look_again();
        self.enter();
    }

    /// It is encrypted.
    pub(crate) fn set_tls(&self, tls: Option<Rc<TlsInfo>>) {
        if tls.is_some() {
            self.with_rare(|rare| rare.tls = tls);
        }
    }

    // ---- who else is told

    /// Has somebody else be told, too, how the connection goes.
    pub(crate) fn set_watcher(&self, watcher: Rc<dyn Watcher>) {
        let _there_was_none = self.with_rare(|rare| rare.watcher.replace(watcher));
    }

    /// Tells the watcher, if there is one, that the connection is there.
    pub(crate) fn tell_of_begin(&self) {
        if let Some(watcher) = self.watcher() {
            let me = self.clone();
            watcher.begins(Box::new(move |phase| me.close(phase, None)));
        }
    }

    /// Tells the watcher that its protocol was told.
    pub(crate) fn tell_of_success(&self) {
        let failed = self.if_rare(|rare| rare.reason.is_some());
        if failed == Some(false)
            && let Some(watcher) = self.watcher()
        {
            watcher.made();
        }
    }

    fn watcher(&self) -> Option<Rc<dyn Watcher>> {
        self.if_rare(|rare| rare.watcher.clone()).flatten()
    }

    /// The watcher, to be told that the connection is over.
    pub(crate) fn take_watcher(&self) -> Option<Rc<dyn Watcher>> {
        self.if_rare(|rare| rare.watcher.take()).flatten()
    }

    /// Asks what policies know of this connection, if any do.
    #[inline]
    pub(crate) fn if_watched<R>(&self, ask: impl FnOnce(&mut Watch) -> R) -> Option<R> {
        if self.has_rare() { self.ask_watch(ask) } else { None }
    }

    #[cold]
    fn ask_watch<R>(&self, ask: impl FnOnce(&mut Watch) -> R) -> Option<R> {
        self.if_rare(|rare| rare.watch.as_deref_mut().map(ask)).flatten()
    }
}

/// TLS that begins in mid-connection.
pub(crate) struct Upgrade {
    /// What was sent before it was asked for: this goes out as it is.
    pub(crate) clear: Vec<u8>,
    /// What to do; only who drives the connection knows what that is.
    pub(crate) work: Box<dyn Any>,
    /// When it has taken too long, once it has begun.
    pub(crate) deadline: Option<Timestamp>,
    /// Waits for its end.
    pub(crate) resolver: Resolver<()>,
}

impl Upgrade {
    /// It comes to nothing. Why is what the connection ends with, so for who waits it is as good as cancelled, and no news
    /// if nobody does.
    pub(crate) fn give_up(self) {
        deferred::expect_broken_promises(|| self.resolver.errback(CancelledError));
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("clear", &self.clear.len()).finish_non_exhaustive()
    }
}

/// Who is told how a connection goes, besides its protocol: whoever made it, as clients are made.
pub(crate) trait Watcher {
    /// The connection is there, and its protocol will be told. `close` ends it.
    fn begins(&self, close: Close);

    /// Its protocol was told, and nothing was wrong.
    fn made(&self) {}

    /// The connection is over, and its protocol was told.
    fn lost(&self, reason: Failure);
}

/// Closes a connection, from anywhere.
pub(crate) type Close = Box<dyn Fn(Phase)>;
