//! From where to listen to a socket that does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use super::acceptor::Acceptor;
use super::{Port, Reactor, Welcome};
use crate::protocol::UnixAddress;
use crate::transport::{BoundPath, PathOptions, Prologue};

/// Where to listen.
#[derive(Debug)]
pub(crate) enum Binding {
    Tcp(TcpBinding),
    Unix {
        address: UnixAddress,
        path: PathOptions,
        backlog: u16,
    },
    /// A socket that listens already.
    Adopted(OwnedFd),
    /// One connection, which is there already.
    Stdio,
}

/// Connections inherit the options.
#[derive(Debug, Clone)]
pub(crate) struct TcpBinding {
    pub(crate) address: SocketAddr,
    pub(crate) backlog: u16,
    pub(crate) reuse_port: bool,
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) device: Option<String>,
}

impl Reactor {
    /// Opens a port, whose clients go through `prologue` first.
    pub(crate) fn listen_at(&self, binding: Binding, factory: Rc<dyn Welcome>, prologue: Prologue) -> io::Result<Port> {
        let acceptor = match binding {
            Binding::Tcp(binding) => binding.listen()?,
            Binding::Unix { address, path, backlog } => listen_on_unix(&address, path, backlog)?,
            Binding::Adopted(descriptor) => adopt(descriptor)?,
            Binding::Stdio => return self.open_stdio(factory, &prologue),
        };
        self.listen_on(acceptor, factory, prologue)
    }
}

impl TcpBinding {
    fn listen(self) -> io::Result<Acceptor> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(self.reuse_port)?;
        if self.address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(after) = self.keepalive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after))?;
        }
        socket.bind_device(self.device.as_deref().map(str::as_bytes))?;
        socket.set_nonblocking(true)?;
        socket.bind(&self.address.into())?;
        socket.listen(self.backlog.into())?;
        Ok(Acceptor::Tcp(OwnedFd::from(socket).into()))
    }
}

fn listen_on_unix(address: &UnixAddress, options: PathOptions, backlog: u16) -> io::Result<Acceptor> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let listen = |socket: &Socket| socket.listen(backlog.into());
    let path = match address.path() {
        Some(path) => Some(BoundPath::bind(&socket, path, options, listen)?),
        None => {
            socket.bind(&abstract_address(address)?)?;
            listen(&socket)?;
            None
        }
    };
    Ok(Acceptor::Unix { _path: path, socket: OwnedFd::from(socket).into() })
}

/// The system writes these names behind a zero.
fn abstract_address(address: &UnixAddress) -> io::Result<SockAddr> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let name = [b"\0", address.abstract_name().unwrap_or_default()].concat();
    SockAddr::unix(Path::new(OsStr::from_bytes(&name)))
}

/// Others may have the socket too: that it does not block holds for them as well, as in Twisted.
fn adopt(descriptor: OwnedFd) -> io::Result<Acceptor> {
    let found = |what| {
        let text = format!("the descriptor is {what}, a stream socket that listens is needed");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    let socket = SockRef::from(&descriptor);
    let kind = socket.r#type().map_err(|_| found("no socket"))?;
    if kind != Type::STREAM {
        return Err(found("a socket of another kind"));
    } else if !socket.is_listener()? {
        return Err(found("a socket that does not listen"));
    }
    socket.set_nonblocking(true)?;
    match socket.domain()? {
        Domain::IPV4 | Domain::IPV6 => Ok(Acceptor::Tcp(descriptor.into())),
        Domain::UNIX => Ok(Acceptor::Unix { _path: None, socket: descriptor.into() }),
        _ => Err(found("a socket of another family")),
    }
}
