//! Multicast on the loopback interface, where there is one that knows it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use twisty::DatagramPort;
use twisty::datagram::Interface;
use twisty::endpoint::UdpPort;
use twisty::prelude::*;

use super::{Log, turn_until};

/// Writes down what it hears.
#[protocol(datagram)]
struct Member {
    heard: Log,
}

#[protocol]
impl Member {
    #[on(datagram)]
    fn hear(&mut self, data: String) {
        self.heard.borrow_mut().push(data);
    }
}

/// A family: where to listen, the group, and the interface.
struct Family {
    any: IpAddr,
    group: IpAddr,
    lo: Interface,
}

const V4: Family = Family {
    any: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    group: IpAddr::V4(Ipv4Addr::new(239, 195, 7, 1)),
    lo: Interface::Ip(Ipv4Addr::LOCALHOST),
};

/// Of this machine only; the loopback interface is the first one.
const V6: Family = Family {
    any: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    group: IpAddr::V6(Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0x7a, 1)),
    lo: Interface::Index(1),
};

impl Family {
    /// A member that listens on `port` with others.
    fn join(&self, reactor: &Reactor, port: u16, heard: &Log) -> twisty::Result<DatagramPort> {
        let options = UdpPort::new(SocketAddr::new(self.any, port)).reuse_port(true);
        let member = reactor.listen_datagrams(options, Member { heard: heard.clone() })?;
        member.transport().join_group(self.group, self.lo)?;
        member.transport().set_multicast_interface(self.lo)?;
        Ok(member)
    }

    /// Two members; `None`, and a word about it, where the system has no multicast there.
    fn two(&self, reactor: &Reactor, heard: [&Log; 2]) -> Option<[DatagramPort; 2]> {
        let first = self.join(reactor, 0, heard[0]);
        let first = first.inspect_err(|error| eprintln!("skipped: no multicast here: {error}")).ok()?;
        let port = first.host().port().expect("UDP");
        let sent = first.transport().send_to("is there multicast?", SocketAddr::new(self.group, port));
        sent.inspect_err(|error| eprintln!("skipped: no multicast here: {error}")).ok()?;
        turn_until(reactor, || heard[0].borrow_mut().pop().is_some());
        let second = self.join(reactor, port, heard[1]).expect("the port is shared");
        Some([first, second])
    }
}

fn everybody_hears(family: &Family) {
    let (reactor, logs) = (Reactor::new().expect("a poll"), [Log::default(), Log::default()]);
    let Some([first, second]) = family.two(&reactor, [&logs[0], &logs[1]]) else { return };
    let to = SocketAddr::new(family.group, first.host().port().expect("UDP"));
    first.transport().set_multicast_ttl(0).expect("it can be set");
    first.transport().send_to("hello", to).expect("it is sent");
    turn_until(&reactor, || logs.iter().all(|log| *log.borrow() == ["hello"]));

    // Who has left hears no more. The others do, and are heard of last.
    second.transport().leave_group(family.group, family.lo).expect("it was joined");
    first.transport().send_to("again", to).expect("it is sent");
    turn_until(&reactor, || logs[0].borrow().len() == 2);
    assert!(second.transport().leave_group(family.group, family.lo).is_err());

    // The loopback interface brings back all that is sent there, whatever is set.
    second.transport().set_multicast_loopback(false).expect("it can be set");
}

#[test]
fn all_members_of_a_group_hear_its_datagrams() {
    everybody_hears(&V4);
}

#[test]
fn all_members_of_a_group_hear_its_datagrams_by_ipv6() {
    everybody_hears(&V6);
}

#[test]
fn what_is_no_group_is_told() {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Member { heard: Log::default() });
    let transport = port.expect("a port").transport();
    let error = transport.join_group(Ipv4Addr::LOCALHOST, Interface::Any).unwrap_err();
    assert!(error.to_string().contains("the multicast group 127.0.0.1 cannot be joined or left"), "{error}");
    let error = transport.set_multicast_interface(1).unwrap_err();
    assert!(error.to_string().contains("by its address"), "{error}");
}
