//! Who may come in: how many connections a factory has, and from whom.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use super::policies::Rules;
use super::{Address, Policies};

/// The connections of a factory, counted; and the policies that they come under.
#[derive(Default)]
pub(crate) struct Door {
    rules: Option<Rc<Rules>>,
    connections: Cell<usize>,
    /// By peer; empty while no limit asks for it.
    peers: RefCell<HashMap<Peer, Guests>>,
    /// Those who come in are counted by peer too.
    counts_peers: Cell<bool>,
    /// That it is full was reported already, so that it is one line in the log and not a million.
    reported: Cell<bool>,
}

/// Whom a connection comes from, as far as limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Peer {
    /// An IPv6 network of 64 bits is one: its owner has all of its addresses.
    Ip(IpAddr),
    /// UNIX sockets and standard input: all who are on this machine.
    Local,
}

/// The connections of one peer.
#[derive(Default)]
struct Guests {
    connections: usize,
    reported: bool,
}

impl Door {
    pub(crate) fn new(policies: Option<Policies>) -> Self {
        Self { rules: policies.map(|policies| Rc::new(Rules::new(policies))), ..Self::default() }
    }

    pub(crate) const fn rules(&self) -> Option<&Rc<Rules>> {
        self.rules.as_ref()
    }

    /// Connections open now.
    pub(crate) const fn connections(&self) -> usize {
        self.connections.get()
    }

    /// Whether one more may come from `peer`, given the factory's own limits: of all, and of one peer. If not, that is
    /// reported, once for each spell, and the answer is what to tell the peer. While it is not known who the peer is, only
    /// the limit of all counts.
    pub(crate) fn admit(&self, peer: Option<&Address>, limits: (usize, usize)) -> Result<(), Vec<u8>> {
        let policies = self.rules.as_deref().map(|rules| &rules.policies);
        let lowered = |own: usize, policy: Option<usize>| policy.map_or(own, |policy| policy.min(own));
        let allowed = lowered(limits.0, policies.and_then(|policies| policies.max_connections));
        let each = lowered(limits.1, policies.and_then(|policies| policies.max_connections_per_peer));
        if self.is_open(peer, allowed) && peer.is_none_or(|peer| self.is_open_to(peer, each)) {
            return Ok(());
        }
        Err(policies.map(|policies| policies.overflow.clone()).unwrap_or_default())
    }

    fn is_open(&self, peer: Option<&Address>, allowed: usize) -> bool {
        let open = self.connections.get() < allowed;
        if !self.reported.replace(!open) && !open {
            let peer = peer.map(tracing::field::display);
            tracing::warn!(peer, allowed, "too many connections (see `max_connections`), it is closed");
        }
        open
    }

    fn is_open_to(&self, peer: &Address, allowed: usize) -> bool {
        self.counts_peers.set(allowed < usize::MAX);
        let mut peers = self.peers.borrow_mut();
        let Some(guests) = peers.get_mut(&Peer::of(peer)) else { return allowed > 0 };
        let open = guests.connections < allowed;
        let reported = std::mem::replace(&mut guests.reported, !open);
        drop(peers);
        if !open && !reported {
            tracing::warn!(
                %peer, allowed, "too many connections of one peer (see `max_connections_per_peer`), it is closed"
            );
        }
        open
    }

    /// One more is open. Whether it counts as its peer's; then it [leaves](Self::leave_peer) as such too.
    pub(crate) fn enter(&self, peer: &dyn Fn() -> Address) -> bool {
        self.connections.set(self.connections.get() + 1);
        let counted = self.counts_peers.get();
        if counted {
            self.peers.borrow_mut().entry(Peer::of(&peer())).or_default().connections += 1;
        }
        counted
    }

    /// One more is open, of which it is not known yet whose it is.
    pub(crate) fn enter_unknown(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    pub(crate) fn leave(&self) {
        self.connections.set(self.connections.get() - 1);
    }

    pub(crate) fn leave_peer(&self, peer: &Address) {
        let (mut peers, peer) = (self.peers.borrow_mut(), Peer::of(peer));
        let Some(guests) = peers.get_mut(&peer) else { return };
        guests.connections -= 1;
        if guests.connections == 0 {
            peers.remove(&peer);
        }
    }
}

impl Peer {
    fn of(address: &Address) -> Self {
        match address.ip().map(|ip| ip.to_canonical()) {
            Some(IpAddr::V6(ip)) => Self::Ip(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into()),
            Some(ip) => Self::Ip(ip),
            None => Self::Local,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_the_same_peer() {
        let peer = |text: &str| Peer::of(&Address::Tcp(text.parse().expect("an address")));
        assert_eq!(peer("10.0.0.1:1"), peer("10.0.0.1:2"));
        assert_ne!(peer("10.0.0.1:1"), peer("10.0.0.2:1"));
        assert_eq!(peer("10.0.0.1:1"), peer("[::ffff:10.0.0.1]:1"));
        assert_eq!(peer("[2001:db8:1:2::1]:1"), peer("[2001:db8:1:2:ffff::9]:1"));
        assert_ne!(peer("[2001:db8:1:2::1]:1"), peer("[2001:db8:1:3::1]:1"));
        assert_eq!(Peer::of(&Address::Stdio), Peer::Local);
    }

    #[test]
    fn a_peer_that_is_gone_costs_nothing() {
        let door = Door::default();
        let peer = Address::Stdio;
        assert!(!door.enter(&|| peer.clone()), "nobody asked to count peers");
        assert_eq!(door.admit(Some(&peer), (9, 1)), Ok(()));
        assert!(door.enter(&|| peer.clone()));
        assert!(door.admit(Some(&peer), (9, 1)).is_err());
        door.leave_peer(&peer);
        assert!(door.peers.borrow().is_empty());
        assert_eq!(door.admit(Some(&peer), (9, 1)), Ok(()));
    }
}
