//! Datagram sockets.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use mio::event::Source;
use mio::net::{UdpSocket, UnixDatagram};
use mio::{Interest, Registry, Token};
use socket2::{Domain, InterfaceIndexOrAddress, SockAddr, SockRef, Socket, Type};

use super::{BoundPath, Driver, PathOptions, Ready, Status};
use crate::clock::Timestamp;
use crate::datagram::{Heart, Interface, Setting, Wire};
use crate::endpoint::{UdpPort, UnixDatagramPort};
use crate::protocol::{Address, UnixAddress};

/// A datagram socket and the heart of its port.
pub(crate) struct Datagrams {
    heart: Heart,
    socket: Rc<DatagramSocket>,
    /// What the poll watches it for.
    watched: Option<Interest>,
    /// Whether there may be something to read.
    readable: bool,
}

impl Datagrams {
    /// Datagrams from one socket in one turn; then it is the others' turn.
    const READS: usize = 64;

    pub(crate) const fn new(heart: Heart, socket: Rc<DatagramSocket>) -> Self {
        Self { heart, socket, watched: None, readable: false }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        for _ in 0..Self::READS {
            if !self.readable || !self.heart.is_open() {
                return;
            }
            match self.socket.receive(buffer) {
                // It may have been cut short. UDP has none that are so long.
                Ok((length, _)) if length == buffer.len() => self.heart.handle_overlong(),
                Ok((length, from)) => self.heart.handle_datagram(&buffer[..length], &from),
                Err(error) => self.failed(&error),
            }
        }
    }

    /// What the network says of an earlier datagram is told instead of the next one; more may be there.
    fn failed(&mut self, error: &io::Error) {
        match error.kind() {
            ErrorKind::WouldBlock => self.readable = false,
            ErrorKind::ConnectionRefused => self.heart.handle_refusal(),
            ErrorKind::Interrupted => {}
            _ => tracing::debug!(%error, host = %self.heart.transport().host(), "an earlier datagram got lost"),
        }
    }
}

impl Driver for Datagrams {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // Only who waits for room: a socket that has some says so after everything that it sends.
        let interest = match self.heart.is_blocked() {
            false => Interest::READABLE,
            true => Interest::READABLE | Interest::WRITABLE,
        };
        if self.watched != Some(interest) {
            self.socket.watch(registry, token, interest, self.watched.is_some())?;
            self.watched = Some(interest);
        }
        Ok(())
    }

    fn open(&mut self, _now: Timestamp) {
        self.heart.start();
        self.heart.enter();
    }

    fn handle_event(&mut self, now: Timestamp, ready: Ready, buffer: &mut [u8]) {
        self.readable |= ready.readable || ready.error || ready.read_closed;
        if ready.writable {
            self.heart.handle_writable();
        }
        self.handle_turn(now, buffer);
    }

    fn handle_turn(&mut self, _now: Timestamp, buffer: &mut [u8]) {
        self.heart.begin_turn();
        self.read(buffer);
        self.heart.enter();
    }

    fn handle_timeout(&mut self, _now: Timestamp) {}

    fn settle(&mut self, _now: Timestamp) -> Status {
        match self.heart.settle() {
            false => Status::Gone,
            true if self.readable || self.heart.is_busy() => Status::Busy,
            true => Status::Waiting,
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn close(&mut self, _at_once: bool) {
        self.heart.close();
    }

    fn is_connection(&self) -> bool {
        false
    }
}

/// A socket, which its port reads and whoever has a handle writes to.
pub(crate) struct DatagramSocket {
    kind: Kind,
    host: Address,
    /// Goes with it.
    _path: Option<BoundPath>,
}

enum Kind {
    Udp(RefCell<UdpSocket>),
    Unix(RefCell<UnixDatagram>),
}

impl DatagramSocket {
    /// Bytes of the longest datagram: what the length in its header can say, less the headers.
    const LONGEST_V4: usize = 65_507;
    const LONGEST_V6: usize = 65_527;

    pub(crate) fn udp(port: &UdpPort) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(port.address), Type::DGRAM, None)?;
        if port.address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if port.reuse_port {
            socket.set_reuse_address(true)?;
            socket.set_reuse_port(true)?;
        }
        socket.set_broadcast(port.broadcast)?;
        if let Some(device) = &port.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&port.address.into())?;
        let socket = UdpSocket::from_std(socket.into());
        let host = Address::Udp(socket.local_addr()?);
        Ok(Self { kind: Kind::Udp(RefCell::new(socket)), host, _path: None })
    }

    pub(crate) fn unix(port: &UnixDatagramPort) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        let options = PathOptions { mode: port.mode, locked: false };
        let path = match port.address.path() {
            Some(path) => Some(BoundPath::bind(&socket, path, options, |_| Ok(()))?),
            None if port.address == UnixAddress::UNNAMED => None,
            None => socket.bind(&sock_addr(&port.address)?).map(|()| None)?,
        };
        let kind = Kind::Unix(RefCell::new(UnixDatagram::from_std(socket.into())));
        Ok(Self { kind, host: Address::Unix(port.address.clone()), _path: path })
    }

    pub(crate) fn host(&self) -> Address {
        self.host.clone()
    }

    /// Has the poll watch it, `again` if it does already.
    fn watch(&self, registry: &Registry, token: Token, interest: Interest, again: bool) -> io::Result<()> {
        match (&self.kind, again) {
            (Kind::Udp(socket), false) => socket.borrow_mut().register(registry, token, interest),
            (Kind::Udp(socket), true) => socket.borrow_mut().reregister(registry, token, interest),
            (Kind::Unix(socket), false) => socket.borrow_mut().register(registry, token, interest),
            (Kind::Unix(socket), true) => socket.borrow_mut().reregister(registry, token, interest),
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        match &self.kind {
            Kind::Udp(socket) => socket.borrow().recv_from(buffer).map(|(length, from)| (length, Address::Udp(from))),
            Kind::Unix(socket) => {
                let (length, from) = socket.borrow().recv_from(buffer)?;
                Ok((length, Address::Unix(UnixAddress::from(&from))))
            }
        }
    }

    /// Does `work` with the options of the socket.
    fn with_options<R>(&self, work: impl FnOnce(SockRef<'_>) -> R) -> R {
        match &self.kind {
            Kind::Udp(socket) => work(SockRef::from(&*socket.borrow())),
            Kind::Unix(socket) => work(SockRef::from(&*socket.borrow())),
        }
    }

    const fn is_ipv6(&self) -> bool {
        matches!(self.host, Address::Udp(SocketAddr::V6(_)))
    }
}

/// The socket that its port reads; the handles to the port hold this one.
impl Wire for Rc<DatagramSocket> {
    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        let sent = match (&self.kind, to) {
            (Kind::Udp(socket), Some(Address::Udp(to))) => socket.borrow().send_to(data, *to),
            (Kind::Udp(socket), _) => socket.borrow().send(data),
            (Kind::Unix(socket), Some(Address::Unix(to))) => {
                SockRef::from(&*socket.borrow()).send_to(data, &sock_addr(to)?)
            }
            (Kind::Unix(socket), _) => socket.borrow().send(data),
        };
        sent.map(drop)
    }

    fn connect(&self, to: &Address) -> io::Result<()> {
        match to {
            Address::Udp(to) => self.with_options(|socket| socket.connect(&(*to).into())),
            Address::Unix(to) => self.with_options(|socket| socket.connect(&sock_addr(to)?)),
            Address::Tcp(_) | Address::Stdio => Err(ErrorKind::Unsupported.into()),
        }
    }

    fn set(&self, setting: &Setting) -> io::Result<()> {
        self.with_options(|socket| match *setting {
            Setting::Broadcast(allowed) => socket.set_broadcast(allowed),
            Setting::Join(IpAddr::V4(group), on) => socket.join_multicast_v4_n(&group, &v4(on)),
            Setting::Join(IpAddr::V6(group), on) => socket.join_multicast_v6(&group, v6(on)?),
            Setting::Leave(IpAddr::V4(group), on) => socket.leave_multicast_v4_n(&group, &v4(on)),
            Setting::Leave(IpAddr::V6(group), on) => socket.leave_multicast_v6(&group, v6(on)?),
            Setting::MulticastTtl(hops) if self.is_ipv6() => socket.set_multicast_hops_v6(hops.into()),
            Setting::MulticastTtl(hops) => socket.set_multicast_ttl_v4(hops.into()),
            Setting::MulticastLoopback(receives) if self.is_ipv6() => socket.set_multicast_loop_v6(receives),
            Setting::MulticastLoopback(receives) => socket.set_multicast_loop_v4(receives),
            Setting::MulticastInterface(by) if self.is_ipv6() => socket.set_multicast_if_v6(v6(by)?),
            Setting::MulticastInterface(Interface::Ip(by)) => socket.set_multicast_if_v4(&by),
            Setting::MulticastInterface(Interface::Any) => socket.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED),
            Setting::MulticastInterface(Interface::Index(_)) => {
                Err(io::Error::new(ErrorKind::InvalidInput, "for IPv4 name the interface by its address"))
            }
        })
    }

    fn longest(&self) -> usize {
        match &self.host {
            Address::Udp(SocketAddr::V4(_)) => DatagramSocket::LONGEST_V4,
            Address::Udp(SocketAddr::V6(_)) => DatagramSocket::LONGEST_V6,
            // The system keeps a few for itself.
            _ => self.with_options(|socket| socket.send_buffer_size().unwrap_or_default().saturating_sub(32)),
        }
    }

    fn tells_when_writable(&self) -> bool {
        match &self.kind {
            Kind::Udp(_) => true,
            // The system knows whose reading it is waiting for.
            Kind::Unix(socket) => socket.borrow().peer_addr().is_ok(),
        }
    }
}

const fn v4(interface: Interface) -> InterfaceIndexOrAddress {
    match interface {
        Interface::Any => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
        Interface::Ip(address) => InterfaceIndexOrAddress::Address(address),
        Interface::Index(index) => InterfaceIndexOrAddress::Index(index),
    }
}

fn v6(interface: Interface) -> io::Result<u32> {
    match interface {
        Interface::Any => Ok(0),
        Interface::Index(index) => Ok(index),
        Interface::Ip(_) => Err(io::Error::new(ErrorKind::InvalidInput, "for IPv6 name the interface by its number")),
    }
}

fn sock_addr(address: &UnixAddress) -> io::Result<SockAddr> {
    if let Some(name) = address.abstract_name() {
        // What the address of an abstract socket begins with.
        return SockAddr::unix(Path::new(std::ffi::OsStr::from_bytes(&[b"\0", name].concat())));
    }
    SockAddr::unix(address.path().unwrap_or_else(|| Path::new("")))
}
