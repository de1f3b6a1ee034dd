//! TLS in mid-connection.

use super::{ClientTls, ServerTls};
use crate::deferred::Deferred;
use crate::error::TlsConfigError;
use crate::framing::Framing;
use crate::protocol::{Context, Protocol, Transport};
use crate::transport::Prologue;

/// Either side of a handshake: [`ServerTls`] or [`ClientTls`].
///
/// ```no_run
/// use twisty::tls::StartTls;
///
/// fn upgrade(friend: &twisty::Transport<twisty::framing::Line>, tls: &impl StartTls) {
///     friend.start_tls(tls);
/// }
/// ```
pub trait StartTls {
    /// What the connection goes through; only `start_tls` can make use of it.
    fn start(&self) -> Start;
}

/// A handshake that is to be made.
#[derive(Debug)]
pub struct Start(Result<Prologue, TlsConfigError>);

impl StartTls for ServerTls {
    fn start(&self) -> Start {
        Start(self.prologue())
    }
}

impl StartTls for ClientTls {
    fn start(&self) -> Start {
        Start(self.prologue(None))
    }
}

impl<F: Framing> Transport<F> {
    /// Encrypts the connection from here on: what was sent before goes out in clear, what is sent after this call waits
    /// for the handshake and is encrypted. Nothing is delivered until that is over; then the Deferred fires. (Twisted's
    /// `startTLS`.)
    ///
    /// So send the word to go ahead before this call: what the handler returns is sent after it. Replies that are still
    /// owed for earlier requests will be encrypted.
    ///
    /// Bytes that came behind the message that asked for TLS, and were read with it, end the connection with
    /// [`PlaintextAfterStartTls`](crate::PlaintextAfterStartTls); they are never taken for part of what is encrypted.
    ///
    /// The time for the handshake begins with this call, and what was sent before must be written within it too: a peer that
    /// is slow to read much of that runs out of it ([`HandshakeTimeout`](crate::HandshakeTimeout)).
    ///
    /// A connection that is closed before the handshake is over is aborted, since what it has queued was to be encrypted.
    ///
    /// A client needs the [`server_name`](ClientTls::server_name). If the handshake fails the connection ends with the
    /// reason ([`TlsError`](crate::TlsError) for one) and the Deferred is cancelled.
    ///
    /// In tests in memory nothing is encrypted, and all of this holds.
    ///
    /// # Errors
    /// The Deferred fails with [`StartTlsError`](crate::StartTlsError) when the connection is closed or encrypted already,
    /// and with [`TlsConfigError`] when the configuration cannot be used; the connection stays as it is.
    ///
    /// ```no_run
    /// use twisty::prelude::*;
    /// use twisty::tls::ServerTls;
    ///
    /// #[factory(protocol = Mail)]
    /// struct Mails {
    ///     tls: ServerTls,
    /// }
    ///
    /// #[protocol(line, factory = Mails)]
    /// #[derive(Default)]
    /// struct Mail;
    ///
    /// #[protocol]
    /// impl Mail {
    ///     #[on(line)]
    ///     fn command(&mut self, cx: &Context<Self>, command: &str) {
    ///         if command == "STARTTLS" {
    ///             cx.send("220 go ahead");
    ///             cx.start_tls(&cx.factory().tls);
    ///         }
    ///     }
    /// }
    /// ```
    pub fn start_tls(&self, tls: &impl StartTls) -> Deferred<()> {
        match tls.start().0 {
            Ok(prologue) => self.upgrade(Box::new(prologue)),
            Err(error) => Deferred::fail(error),
        }
    }
}

impl<P: Protocol> Context<P> {
    /// Encrypts the connection from here on; see [`Transport::start_tls`].
    ///
    /// # Errors
    /// As there, in the Deferred.
    ///
    /// ```no_run
    /// # use twisty::prelude::*;
    /// # #[factory(protocol = Mail)] struct Mails { tls: twisty::tls::ServerTls }
    /// # #[protocol(line, factory = Mails)] #[derive(Default)] struct Mail;
    /// # #[protocol] impl Mail {
    /// #[on(line)]
    /// fn command(&mut self, cx: &Context<Self>, command: &str) {
    ///     if command == "STARTTLS" {
    ///         cx.send("220 go ahead");
    ///         cx.start_tls(&cx.factory().tls);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn start_tls(&self, tls: &impl StartTls) -> Deferred<()> {
        self.link().start_tls(tls)
    }
}
