//! Replies that a connection owes.

use std::collections::VecDeque;

/// Replies that were promised, and what was replied to later requests meanwhile: all in the order of the requests.
#[derive(Default)]
pub(crate) struct Owed {
    queue: VecDeque<Reply>,
    /// The name of the next one; none is used twice.
    next: u32,
    promised: usize,
    /// Bytes that wait behind a promise.
    held: usize,
}

/// Names one reply of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReplyId(u32);

struct Reply {
    id: ReplyId,
    bytes: Vec<u8>,
    /// More is to come, once a Deferred fires.
    promised: bool,
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

    /// A reply behind all those there are, which a Deferred will make.
    pub(crate) fn promise(&mut self) -> ReplyId {
        self.promised += 1;
        self.push(true)
    }

    /// A reply behind all those there are, to be made now.
    pub(crate) fn last(&mut self) -> ReplyId {
        match self.queue.back() {
            Some(reply) if !reply.promised => reply.id,
            _ => self.push(false),
        }
    }

    fn push(&mut self, promised: bool) -> ReplyId {
        let id = ReplyId(self.next);
        self.next = self.next.wrapping_add(1);
        self.queue.push_back(Reply { id, bytes: Vec::new(), promised });
        id
    }

    /// A promised reply is made now; false if it is not wanted any more.
    pub(crate) fn keep_promise(&mut self, id: ReplyId) -> bool {
        let Some(reply) = self.find(id) else { return false };
        reply.promised = false;
        self.promised -= 1;
        true
    }

    /// Making it led to another Deferred, so it is promised still.
    pub(crate) fn promise_again(&mut self, id: ReplyId) {
        if let Some(reply) = self.find(id) {
            reply.promised = true;
            self.promised += 1;
        }
    }

    /// Adds to a reply; what `append` made of it.
    pub(crate) fn append<E>(
        &mut self,
        id: ReplyId,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(reply) = self.find(id) else { return Ok(()) };
        let before = reply.bytes.len();
        let appended = append(&mut reply.bytes);
        if appended.is_err() {
            reply.bytes.truncate(before);
        }
        let more = reply.bytes.len() - before;
        self.held += more;
        appended
    }

    /// Takes the first reply, if it is complete.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        let reply = self.queue.pop_front_if(|reply| !reply.promised)?;
        self.held -= reply.bytes.len();
        Some(reply.bytes)
    }

    /// Drops a reply and all behind it.
    pub(crate) fn drop_from(&mut self, id: ReplyId) {
        while let Some(reply) = self.queue.pop_back_if(|reply| reply.id >= id) {
            self.held -= reply.bytes.len();
            self.promised -= usize::from(reply.promised);
        }
    }

    fn find(&mut self, id: ReplyId) -> Option<&mut Reply> {
        let index = self.queue.binary_search_by_key(&id, |reply| reply.id).ok()?;
        self.queue.get_mut(index)
    }
}
