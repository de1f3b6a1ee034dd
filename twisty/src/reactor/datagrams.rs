//! Listening for datagrams.

use std::fmt;
use std::io;
use std::rc::{Rc, Weak};

use super::entries::Entry;
use super::{Core, Reactor};
use crate::clock::Entered;
use crate::datagram::{DatagramProtocol, DatagramTransport, Heart, Place};
use crate::endpoint::{DatagramEndpoint, IntoDatagramEndpoint};
use crate::error::ListenError;
use crate::failure::Failure;
use crate::protocol::Address;
use crate::transport::{DatagramSocket, Datagrams, Driver};

/// A port of datagrams that is listened on; dropping it changes nothing. (Twisted's `IListeningPort`.)
///
/// ```
/// use twisty::prelude::*;
///
/// # #[protocol(datagram)] struct Echo;
/// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
/// let reactor = Reactor::new()?;
/// let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Echo)?;
/// println!("listening on {}", port.host());
/// port.stop_listening();
/// # Ok::<(), Failure>(())
/// ```
pub struct DatagramPort {
    reactor: Weak<Core>,
    transport: DatagramTransport,
}

impl DatagramPort {
    /// The address listened on, with the real port where 0 was asked for. (Twisted's `getHost`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let reactor = Reactor::new()?;
    /// let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Echo)?;
    /// assert!(port.host().port().is_some_and(|port| port != 0));
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn host(&self) -> Address {
        self.transport.host()
    }

    /// A handle to the port, to send with from outside of its protocol.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let reactor = Reactor::new()?;
    /// let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Echo)?;
    /// port.transport().send_to("hello, me", port.host())?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn transport(&self) -> DatagramTransport {
        self.transport.clone()
    }

    /// Closes the port: at the end of this turn, or at once where none is made. (Twisted's `stopListening`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(datagram)] struct Echo;
    /// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
    /// # let reactor = Reactor::new()?;
    /// let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Echo)?;
    /// port.stop_listening();
    /// assert!(!port.transport().is_listening());
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn stop_listening(&self) {
        self.transport.stop_listening();
        if let Some(core) = self.reactor.upgrade()
            && !core.in_turn.get()
        {
            let reactor = Reactor(core);
            reactor.as_in_turn(|| reactor.settle());
        }
    }
}

impl fmt::Debug for DatagramPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramPort").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Reactor {
    /// Listens for datagrams on an endpoint, for instance `"udp:8009"`; all of them go to `protocol`, whose `start` is called
    /// before this returns. (Twisted's `listenUDP`, `listenMulticast` and `listenUNIXDatagram`.)
    ///
    /// # Errors
    /// [`EndpointError`](crate::EndpointError) when `endpoint` cannot be understood, and [`ListenError`] when the port cannot
    /// be opened.
    ///
    /// ```
    /// use twisty::prelude::*;
    ///
    /// #[protocol(datagram)]
    /// struct Echo;
    ///
    /// #[protocol]
    /// impl Echo {
    ///     #[on(datagram)]
    ///     fn echo(&mut self, data: Vec<u8>) -> Vec<u8> {
    ///         data
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Echo)?;
    /// assert_ne!(port.host().port(), Some(0));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn listen_datagrams<P: DatagramProtocol>(
        &self,
        endpoint: impl IntoDatagramEndpoint,
        protocol: P,
    ) -> Result<DatagramPort, Failure> {
        let (socket, longest) = self.open_datagrams(&endpoint.into_datagram_endpoint()?)?;
        self.add_datagrams(Rc::new(socket), |socket, place| Heart::new(protocol, Box::new(socket), place, longest))
    }

    /// The socket, and the bytes of the longest datagram that is wanted of it.
    fn open_datagrams(&self, endpoint: &DatagramEndpoint) -> Result<(DatagramSocket, usize), ListenError> {
        let (opened, longest) = match endpoint {
            _ if self.memory().is_some() => (Err(none_in_memory()), 0),
            DatagramEndpoint::Udp(port) => (DatagramSocket::udp(port), port.max_packet_size),
            DatagramEndpoint::Unix(port) => (DatagramSocket::unix(port), port.max_packet_size),
        };
        let socket = opened.map_err(|source| ListenError { endpoint: endpoint.to_string(), source })?;
        Ok((socket, longest))
    }

    fn add_datagrams(
        &self,
        socket: Rc<DatagramSocket>,
        make: impl FnOnce(Rc<DatagramSocket>, Place) -> Heart,
    ) -> Result<DatagramPort, Failure> {
        let key = self.0.entries.borrow_mut().insert(Entry::DRIVEN);
        let place = Place { agenda: Rc::clone(&self.0.agenda), key, host: socket.host() };
        let heart = make(Rc::clone(&socket), place);
        let transport = heart.transport().clone();
        let mut driver = Datagrams::new(heart, socket);
        // It may be opened by a handler of another one, whose mistakes are its own.
        self.0.agenda.with_own_fault(|| self.as_in_turn(|| driver.open(self.0.now.get())));
        self.put_back(key, Box::new(driver));
        Ok(DatagramPort { reactor: Rc::downgrade(&self.0), transport })
    }

    /// Calls handlers, in a turn or not: a port that one of them closes waits until they are done, as in a turn.
    fn as_in_turn(&self, work: impl FnOnce()) {
        let _entered = Entered::new(Rc::new(self.clone()));
        let before = self.0.in_turn.replace(true);
        work();
        self.0.in_turn.set(before);
    }
}

fn none_in_memory() -> io::Error {
    let problem = "in memory there are no datagrams, test the protocol with `testing::DatagramServer`";
    io::Error::new(io::ErrorKind::Unsupported, problem)
}
