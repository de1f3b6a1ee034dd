//! Endpoints: where to listen, as text.
//!
//! The grammar is Twisted's: fields are separated by `:`, a field `key=value` is an option, and `\` takes the next
//! character as it is, so that an IPv6 address is written `interface=\:\:1`.
//!
//! | endpoint | listens on |
//! |---|---|
//! | `tcp:8007` | port 8007 of every IPv4 address |
//! | `tcp:8007:interface=127.0.0.1` | port 8007 of this address, IPv4 or IPv6 |
//! | `tcp:0` | a free port |
//! | `tcp6:8007` | port 8007 of every IPv6 address |
//!
//! `backlog=N` sets how many clients may wait to be accepted (default 1024).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::str::FromStr;

use nom::branch::alt;
use nom::bytes::complete::{is_not, take};
use nom::character::complete::char;
use nom::combinator::{all_consuming, map, opt};
use nom::multi::{fold_many0, separated_list1};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::error::{EndpointError, ListenError};
use crate::failure::Failure;
use crate::protocol::{Factory, IntoShared};
use crate::reactor::{Binding, Port, Prologue, Reactor, Welcome};

/// Where to listen.
///
/// ```
/// use twisty::endpoint::ServerEndpoint;
///
/// let endpoint: ServerEndpoint = r"tcp:8007:interface=\:\:1".parse()?;
/// assert_eq!(endpoint.address(), "[::1]:8007".parse().unwrap());
/// assert_eq!(endpoint.to_string(), r"tcp:8007:interface=\:\:1");
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEndpoint {
    address: SocketAddr,
    backlog: u16,
}

impl ServerEndpoint {
    /// Clients that may wait to be accepted, by default.
    pub const BACKLOG: u16 = 1024;

    /// An endpoint of an address.
    ///
    /// ```
    /// use twisty::endpoint::ServerEndpoint;
    ///
    /// let endpoint = ServerEndpoint::tcp("127.0.0.1:0".parse().unwrap());
    /// assert_eq!(endpoint.to_string(), "tcp:0:interface=127.0.0.1");
    /// ```
    #[must_use]
    pub const fn tcp(address: SocketAddr) -> Self {
        Self { address, backlog: Self::BACKLOG }
    }

    /// How many clients may wait to be accepted, 1024 unless this says otherwise. The operating system may allow fewer.
    ///
    /// ```
    /// use twisty::endpoint::ServerEndpoint;
    ///
    /// let endpoint: ServerEndpoint = "tcp:8007".parse()?;
    /// assert_eq!(endpoint.backlog(16).to_string(), "tcp:8007:backlog=16");
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub const fn backlog(mut self, clients: u16) -> Self {
        self.backlog = clients;
        self
    }

    /// Listens here, as [`Reactor::listen`] does.
    ///
    /// # Errors
    /// [`ListenError`] when the port cannot be opened, and what the factory's `start` answers.
    ///
    /// ```
    /// use twisty::endpoint::ServerEndpoint;
    /// use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    ///
    /// let reactor = Reactor::new()?;
    /// let endpoint = ServerEndpoint::tcp("127.0.0.1:0".parse().expect("an address"));
    /// endpoint.listen(&reactor, Echo::factory())?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn listen<F: Factory>(&self, reactor: &Reactor, factory: impl IntoShared<F>) -> Result<Port, Failure> {
        self.open(reactor, Rc::new(factory.into_shared().start()?), Prologue::default())
    }

    fn open(&self, reactor: &Reactor, factory: Rc<dyn Welcome>, prologue: Prologue) -> Result<Port, Failure> {
        let binding = Binding { address: self.address, backlog: self.backlog.into() };
        let opened = reactor.listen_tcp(binding, factory, prologue);
        Ok(opened.map_err(|source| ListenError { endpoint: self.to_string(), source })?)
    }

    /// The address to listen on.
    ///
    /// ```
    /// use twisty::endpoint::ServerEndpoint;
    ///
    /// let endpoint: ServerEndpoint = "tcp:8007".parse()?;
    /// assert_eq!(endpoint.address(), "0.0.0.0:8007".parse().unwrap());
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The text that parses back; the scope of an IPv6 address is no part of it.
impl fmt::Display for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interface = self.address.ip().to_string().replace(':', "\\:");
        match self.address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => write!(f, "tcp:{}", self.address.port())?,
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => write!(f, "tcp6:{}", self.address.port())?,
            _ => write!(f, "tcp:{}:interface={interface}", self.address.port())?,
        }
        if self.backlog == Self::BACKLOG { Ok(()) } else { write!(f, ":backlog={}", self.backlog) }
    }
}

impl FromStr for ServerEndpoint {
    type Err = EndpointError;

    fn from_str(description: &str) -> Result<Self, EndpointError> {
        let read = fields(description).and_then(|fields| Self::from_fields(&fields));
        read.map_err(|problem| EndpointError { description: description.to_owned(), problem })
    }
}

impl ServerEndpoint {
    fn from_fields(fields: &[Field]) -> Result<Self, String> {
        let mut words = fields.iter().filter(|field| field.key.is_none()).map(|field| field.value.as_str());
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        let any: IpAddr = match kind.as_str() {
            "tcp" => Ipv4Addr::UNSPECIFIED.into(),
            "tcp6" => Ipv6Addr::UNSPECIFIED.into(),
            _ => return Err(format!("`{kind}` is not known, write `tcp:PORT` or `tcp6:PORT`")),
        };
        let port = words.next().ok_or_else(|| format!("a port is missing, as in `{kind}:8007`"))?;
        let port = port.parse().map_err(|_| format!("`{port}` is no port, write a number from 0 to 65535"))?;
        if let Some(surplus) = words.next() {
            return Err(format!("`{surplus}` is too much; options are written `key=value`, a colon in a value `\\:`"));
        }
        let options = fields.iter().filter_map(|field| Some((field.key.as_deref()?, field.value.as_str())));
        options
            .into_iter()
            .try_fold(Self::tcp(SocketAddr::new(any, port)), |endpoint, (key, value)| endpoint.with_option(key, value))
    }

    fn with_option(mut self, key: &str, value: &str) -> Result<Self, String> {
        match key {
            "interface" => {
                let ip = value
                    .parse()
                    .map_err(|_| format!("`{value}` is no address, write one as `127.0.0.1` or `\\:\\:1`"));
                self.address.set_ip(ip?);
            }
            "backlog" => {
                self.backlog =
                    value.parse().map_err(|_| format!("`{value}` is no backlog, write a number up to 65535"))?;
            }
            _ => return Err(format!("`{key}` is no option, there are `interface` and `backlog`")),
        }
        Ok(self)
    }
}

/// One part of a description, unescaped.
struct Field {
    key: Option<String>,
    value: String,
}

fn fields(description: &str) -> Result<Vec<Field>, String> {
    let parsed: IResult<&str, Vec<Field>> = all_consuming(separated_list1(char(':'), field)).parse(description);
    parsed
        .map(|(_, fields)| fields)
        .map_err(|_| "it ends in a lone `\\`, write `\\\\` for the character itself".to_owned())
}

/// The first `=` makes a key; later ones belong to the value.
fn field(input: &str) -> IResult<&str, Field> {
    let with_value = preceded(char('='), |input| text(input, "\\:"));
    map(((|input| text(input, "\\:=")), opt(with_value)), |(first, value)| match value {
        Some(value) => Field { key: Some(first), value },
        None => Field { key: None, value: first },
    })
    .parse(input)
}

/// Text up to one of `stops`, with `\` taking the next character as it is.
fn text<'a>(input: &'a str, stops: &'static str) -> IResult<&'a str, String> {
    let escaped = preceded(char('\\'), take(1usize));
    let piece = alt((is_not(stops), escaped));
    fold_many0(piece, String::new, |text, piece: &str| text + piece).parse(input)
}

impl Reactor {
    /// Listens on an endpoint, for instance `"tcp:8007:interface=127.0.0.1"`; every client gets a protocol of
    /// `factory`. A [`Shared`](crate::protocol::Shared) factory may listen on several.
    ///
    /// # Errors
    /// [`EndpointError`] when `endpoint` cannot be understood, [`ListenError`] when the port cannot
    /// be opened, and what the factory's `start` answers.
    ///
    /// ```
    /// use twisty::prelude::*;
    ///
    /// # #[protocol(line)]
    /// # #[derive(Default)]
    /// # struct Echo;
    /// # #[protocol]
    /// # impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// let reactor = Reactor::new()?;
    /// let port = reactor.listen("tcp:0:interface=127.0.0.1", Echo::factory())?;
    /// assert_ne!(port.host().port(), Some(0));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn listen<F: Factory>(&self, endpoint: &str, factory: impl IntoShared<F>) -> Result<Port, Failure> {
        endpoint.parse::<ServerEndpoint>()?.listen(self, factory)
    }
    /// Listens on an endpoint as [`listen`](Self::listen) does, over TLS: a client gets its protocol after the handshake.
    /// One that does not get through that is closed, with a line in the log. (Twisted's `wrapServerTLS` and `listenSSL`.)
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and [`TlsConfigError`](crate::TlsConfigError) when the configuration cannot be used.
    ///
    /// ```no_run
    /// use twisty::prelude::*;
    /// use twisty::tls::{Identity, ServerTls};
    ///
    /// # #[protocol(line)]
    /// # #[derive(Default)]
    /// # struct Echo;
    /// # #[protocol]
    /// # impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// let reactor = Reactor::new()?;
    /// let tls = ServerTls::new(Identity::from_files("server.pem", "server.key")?);
    /// reactor.listen_tls("tcp:8443", &tls, Echo::factory())?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn listen_tls<F: Factory>(
        &self,
        endpoint: &str,
        tls: &crate::tls::ServerTls,
        factory: impl IntoShared<F>,
    ) -> Result<Port, Failure> {
        let (endpoint, prologue) = (endpoint.parse::<ServerEndpoint>()?, tls.prologue()?);
        endpoint.open(self, Rc::new(factory.into_shared().start()?), prologue)
    }
}
