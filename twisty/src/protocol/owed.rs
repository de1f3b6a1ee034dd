//! Replies that a connection owes.

use std::collections::VecDeque;

use super::outbox::append_whole;

/// Replies that were promised, and what was replied to later requests meanwhile: all in the order of the requests.
#[derive(Default)]
pub(crate) struct Owed {
    queue: VecDeque<Reply>,
    promised: usize,
    /// Bytes that wait behind a promise.
    held: usize,
    /// The place of the outcome that is put into effect now.
    pub(crate) place: ReplyId,
}

/// Names one reply, and never another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReplyId(pub(super) u64);

struct Reply {
    id: ReplyId,
    bytes: Vec<u8>,
    /// It is to come, once a Deferred fires.
    promised: bool,
    /// It is of a request that came after our side was closed: what it says is not sent.
    silent: bool,
}

impl Owed {
    /// How many wait for a Deferred.
    pub(crate) const fn promised(&self) -> usize {
        self.promised
    }

    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The reply at the end, if it is as silent as this and can be added to.
    pub(crate) fn last(&self, silent: bool) -> Option<ReplyId> {
        self.queue.back().filter(|reply| !reply.promised && reply.silent == silent).map(|reply| reply.id)
    }

    /// Adds a reply right behind another one and as silent as that, or at the end and `silent`.
    pub(crate) fn insert(&mut self, id: ReplyId, promised: bool, silent: bool, behind: Option<ReplyId>) {
        let behind = behind.and_then(|other| self.find(other));
        let (index, silent) = behind.map_or((self.queue.len(), silent), |index| (index + 1, self.queue[index].silent));
        self.promised += usize::from(promised);
        self.queue.insert(index, Reply { id, bytes: Vec::new(), promised, silent });
    }

    /// Whether something is still to be sent; those that are silent come last.
    pub(crate) fn has_words(&self) -> bool {
        self.queue.front().is_some_and(|reply| !reply.silent)
    }

    /// A promised reply is made now, in its place; false if it is not wanted any more.
    pub(crate) fn keep_promise(&mut self, id: ReplyId) -> bool {
        let Some(index) = self.find(id) else { return false };
        self.queue[index].promised = false;
        self.place = id;
        self.promised -= 1;
        true
    }

    /// Adds to the reply in whose place an outcome is; what `append` made of it.
    pub(crate) fn append<E>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let Some(index) = self.find(self.place).filter(|index| !self.queue[*index].silent) else { return Ok(()) };
        self.held += append_whole(&mut self.queue[index].bytes, append)?;
        Ok(())
    }

    /// Takes the first reply, if it is complete.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        let reply = self.queue.pop_front_if(|reply| !reply.promised)?;
        self.held -= reply.bytes.len();
        Some(reply.bytes)
    }

    /// Sends nothing of what stands behind a reply.
    pub(crate) fn silence_behind(&mut self, id: ReplyId) {
        let Some(index) = self.find(id) else { return };
        for reply in self.queue.range_mut(index + 1..) {
            self.held -= std::mem::take(&mut reply.bytes).len();
            reply.silent = true;
        }
    }

    /// Drops what stands behind a reply.
    pub(crate) fn drop_behind(&mut self, id: ReplyId) {
        let Some(index) = self.find(id) else { return };
        for reply in self.queue.drain(index + 1..) {
            self.held -= reply.bytes.len();
            self.promised -= usize::from(reply.promised);
        }
    }

    fn find(&self, id: ReplyId) -> Option<usize> {
        self.queue.iter().position(|reply| reply.id == id)
    }
}
