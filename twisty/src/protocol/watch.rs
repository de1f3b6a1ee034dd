//! What a connection that comes under policies knows of them.

use std::rc::Rc;
use std::time::Duration;

use tracing::Level;

use super::Limits;
use super::bucket::Bucket;
use super::policies::{Rules, Total};
use crate::clock::Timestamp;
use crate::error::ConnectionExpired;

/// Kept for connections that have policies, an oldest age, or an idle time-out of their own: few, or all that asked for it.
pub(crate) struct Watch {
    rules: Option<Rc<Rules>>,
    pub(crate) idle_timeout: Option<Duration>,
    /// The idle time-out was changed, so it counts from now.
    pub(crate) restarted: bool,
    pub(crate) frame_timeout: Duration,
    pub(crate) min_progress: usize,
    max_age: Option<Duration>,
    /// `NEVER` before the connection is there, too.
    expires_at: Timestamp,
    read: Valve,
    write: Valve,
}

/// Lets bytes through in one direction.
#[derive(Default)]
struct Valve {
    own: Option<Bucket>,
    /// The grant of the common bucket that was this connection's last.
    served: u64,
    /// Nothing passes now: since when, and until when at least.
    stop: Option<(Timestamp, Timestamp)>,
}

impl Watch {
    /// What watches over a connection; `None` if nothing has to. What a factory's policies say counts more than what its
    /// protocol declares.
    pub(crate) fn over(rules: Option<&Rc<Rules>>, limits: &Limits) -> Option<Box<Self>> {
        let watched = rules.is_some() || limits.max_age.is_some();
        watched.then(|| Self::new(rules, limits))
    }

    pub(crate) fn new(rules: Option<&Rc<Rules>>, limits: &Limits) -> Box<Self> {
        let policies = rules.map(|rules| &rules.policies);
        let valve = |rate: Option<usize>| {
            let own = policies.zip(rate).map(|(policies, rate)| Bucket::new(rate, policies.burst));
            Valve { own, ..Valve::default() }
        };
        Box::new(Self {
            idle_timeout: policies.and_then(|policies| policies.idle_timeout).or(limits.idle_timeout),
            restarted: false,
            frame_timeout: policies.and_then(|policies| policies.frame_timeout).unwrap_or(limits.frame_timeout),
            min_progress: policies.and_then(|policies| policies.min_progress).unwrap_or(limits.min_progress),
            max_age: policies.and_then(|policies| policies.max_age).or(limits.max_age),
            expires_at: Timestamp::NEVER,
            read: valve(policies.and_then(|policies| policies.read_rate)),
            write: valve(policies.and_then(|policies| policies.write_rate)),
            rules: rules.map(Rc::clone),
        })
    }

    /// The connection is there.
    pub(crate) fn opened(&mut self, now: Timestamp) {
        self.expires_at = self.max_age.map_or(Timestamp::NEVER, |age| now + age);
    }

    /// What it is closed for if it is too old.
    pub(crate) fn expired(&self, now: Timestamp) -> Option<ConnectionExpired> {
        self.max_age.filter(|_| self.expires_at <= now).map(|limit| ConnectionExpired { limit })
    }

    /// When something is to be looked at.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let stops = [self.read.stop, self.write.stop].into_iter().flatten().map(|(_, until)| until);
        stops.chain([self.expires_at]).filter(|at| *at != Timestamp::NEVER).min()
    }

    // ---- throttling

    pub(crate) const fn is_read_stopped(&self) -> bool {
        self.read.stop.is_some()
    }

    pub(crate) const fn write_opens_at(&self) -> Option<Timestamp> {
        match self.write.stop {
            Some((_, until)) => Some(until),
            None => None,
        }
    }

    /// How many bytes may be read now. If none, it is stopped until [`reopen`](Self::reopen).
    pub(crate) fn input_room(&mut self, now: Timestamp) -> usize {
        self.read.room(now, Total::of(self.rules.as_ref(), |rules| &rules.read))
    }

    /// How many bytes may be written now. If none, it is stopped until there are again.
    pub(crate) fn output_room(&mut self, now: Timestamp) -> usize {
        self.write.room(now, Total::of(self.rules.as_ref(), |rules| &rules.write))
    }

    /// Nothing is to be written now, so that nothing waits for the throttle; that it holds nothing back.
    pub(crate) const fn forget_output(&mut self) -> bool {
        self.write.stop = None;
        false
    }

    /// So many bytes arrived. At which level they are to be logged, if they are.
    pub(crate) fn received(&mut self, now: Timestamp, bytes: usize) -> Option<Level> {
        self.read.take(now, bytes, Total::of(self.rules.as_ref(), |rules| &rules.read));
        self.traffic_log()
    }

    /// The same of bytes that were written.
    pub(crate) fn wrote(&mut self, now: Timestamp, bytes: usize) -> Option<Level> {
        self.write.take(now, bytes, Total::of(self.rules.as_ref(), |rules| &rules.write));
        self.traffic_log()
    }

    fn traffic_log(&self) -> Option<Level> {
        self.rules.as_ref()?.policies.traffic_log
    }

    /// Reads again, if it is time; for how long it did not.
    pub(crate) fn reopen(&mut self, now: Timestamp) -> Option<Duration> {
        let (since, _) = self.read.stop.take_if(|(_, until)| *until <= now)?;
        self.input_room(now);
        Some(now - since)
    }
}

impl Valve {
    fn room(&mut self, now: Timestamp, total: Option<(&Total, usize)>) -> usize {
        if self.stop.is_some_and(|(_, until)| now < until) {
            return 0;
        }
        let own = self.own.map_or(usize::MAX, |own| own.room(now));
        let room = total.map_or(usize::MAX, |(total, _)| total.bucket.get().room(now)).min(own);
        if room > 0 {
            self.stop = None;
            return room;
        }
        let own = self.own.map_or(Timestamp::ZERO, |own| own.opens_at());
        let all = total.map_or(Timestamp::ZERO, |(total, sharing)| total.opens_at(self.served, sharing));
        self.stop = Some((self.stop.map_or(now, |(since, _)| since), own.max(all)));
        0
    }

    fn take(&mut self, now: Timestamp, bytes: usize, total: Option<(&Total, usize)>) {
        if let Some(own) = &mut self.own {
            own.take(now, bytes);
        }
        if let Some((total, _)) = total {
            self.served = total.take(now, bytes);
        }
    }
}
