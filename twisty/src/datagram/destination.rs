//! Where datagrams go.

use std::net::SocketAddr;

use crate::error::InvalidAddressError;
use crate::protocol::{Address, UnixAddress};

/// Where a datagram can be sent to: an [`Address`], a `SocketAddr`, a [`UnixAddress`], or text such as `"10.0.0.2:53"`.
///
/// A name is none: it is resolved first, which may take a while.
///
/// ```
/// use twisty::datagram::Destination;
///
/// assert_eq!("10.0.0.2:53".address()?.to_string(), "udp:10.0.0.2:53");
/// let error = "example.com:53".address().unwrap_err();
/// assert!(error.to_string().contains("resolve the name first"));
/// # Ok::<(), twisty::InvalidAddressError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a datagram cannot be sent to `{Self}`",
    label = "no address",
    note = "take an `Address`, a `SocketAddr`, a `UnixAddress`, or text such as `\"10.0.0.2:53\"`"
)]
pub trait Destination {
    /// The address.
    ///
    /// # Errors
    /// [`InvalidAddressError`] when it is none.
    fn address(&self) -> Result<Address, InvalidAddressError>;
}

impl Destination for SocketAddr {
    fn address(&self) -> Result<Address, InvalidAddressError> {
        Ok(Address::Udp(*self))
    }
}

/// The IP address and port of a TCP connection are taken as those of UDP.
impl Destination for Address {
    fn address(&self) -> Result<Address, InvalidAddressError> {
        match self {
            Self::Tcp(address) => Ok(Self::Udp(*address)),
            other => Ok(other.clone()),
        }
    }
}

impl Destination for UnixAddress {
    fn address(&self) -> Result<Address, InvalidAddressError> {
        Ok(Address::Unix(self.clone()))
    }
}

impl Destination for str {
    fn address(&self) -> Result<Address, InvalidAddressError> {
        let address = self.parse().map(Address::Udp);
        address.map_err(|_| InvalidAddressError {
            address: self.to_owned(),
            problem: "write an IP address with a port, as `127.0.0.1:8000` or `[::1]:8000`; resolve the name first"
                .into(),
        })
    }
}

impl<T: Destination + ?Sized> Destination for &T {
    fn address(&self) -> Result<Address, InvalidAddressError> {
        (**self).address()
    }
}
