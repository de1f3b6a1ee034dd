//! TLS, between a socket and its connection.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use mio::Token;
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use super::greeting::{Ends, Preface, Progress};
use super::socket::{Layer, Layers, Socket};
use crate::error::{ConnectionLost, TlsError, TlsTruncated};
use crate::failure::Failure;
use crate::protocol::TlsInfo;

/// The beginning of TLS: when it is done, both ends are sure of each other, and the socket is wrapped in [`Tls`].
pub(crate) struct Handshake {
    /// `None` once it is done.
    connection: Option<Result<Connection, rustls::Error>>,
}

impl Handshake {
    pub(crate) fn server(config: Arc<ServerConfig>) -> Self {
        Self { connection: Some(ServerConnection::new(config).map(Connection::Server)) }
    }

    pub(crate) fn client(config: Arc<ClientConfig>, server: ServerName<'static>) -> Self {
        Self { connection: Some(ClientConnection::new(config, server).map(Connection::Client)) }
    }
}

impl Preface for Handshake {
    fn advance(&mut self, socket: &mut Socket, _ends: &mut Ends) -> Result<Progress, Failure> {
        let Some(connection) = self.connection.take() else { return Ok(Progress::Done) };
        let mut connection = connection.map_err(failure_of)?;
        let progress = socket.below(|layers, stream| shake_hands(&mut connection, &mut Below::new(layers, stream)))?;
        match progress {
            Progress::Done => socket.wrap(|beneath| Box::new(Tls::new(connection, beneath))),
            Progress::Waiting => self.connection = Some(Ok(connection)),
        }
        Ok(progress)
    }
}

/// Goes on as far as that is possible without blocking. It is done only when the last message is on its way: what is
/// sent after it may be nothing for a long time.
fn shake_hands(connection: &mut Connection, below: &mut Below<'_>) -> Result<Progress, Failure> {
    loop {
        let moved = match write_out(connection, below) {
            Ok(()) if !connection.is_handshaking() => return Ok(Progress::Done),
            Ok(()) => connection.read_tls(below),
            Err(error) => Err(error),
        };
        match moved {
            Ok(0) => return Err(Failure::of_a_peer(ConnectionLost::from(closed_early()))),
            Ok(_) => process(connection, below).map_err(failure_of)?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waiting),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::of_a_peer(ConnectionLost::from(error))),
        }
    }
}

fn closed_early() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the peer closed it in the middle of the TLS handshake")
}

/// Works on what was read. If that is wrong the peer is told why, as far as it takes that at once.
fn process(connection: &mut Connection, below: &mut Below<'_>) -> Result<(), rustls::Error> {
    connection.process_new_packets().map(drop).inspect_err(|_| {
        let _not_now_is_never = write_out(connection, below);
    })
}

/// Writes all records that are there, as many as possible in one call.
fn write_out(connection: &mut Connection, below: &mut Below<'_>) -> io::Result<()> {
    while connection.wants_write() {
        if connection.write_tls(below)? == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// TLS whose handshake is over.
struct Tls {
    connection: Connection,
    beneath: Layers,
    /// What of the connection's output, at its front, is encrypted already; but not all of the records are written. Until
    /// they are it is not reported as written, so that the connection knows what it still owes.
    ahead: usize,
    /// The last read from beneath took all there was.
    drained: bool,
    /// The peer has said that nothing more comes, or gone without.
    over: bool,
    /// Why nothing more can be read, once what came before is.
    broken: Option<TlsError>,
    end: End,
}

/// How far our side is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// What says so waits among the records.
    Said,
    /// The socket's own side is closed too.
    Shut,
}

impl Tls {
    /// Bytes of records that may wait for the socket: what is written in one call.
    const RECORDS: usize = 64 * 1024;

    fn new(mut connection: Connection, beneath: Layers) -> Self {
        connection.set_buffer_limit(Some(Self::RECORDS));
        Self { connection, beneath, ahead: 0, drained: false, over: false, broken: None, end: End::Open }
    }

    /// What was decrypted: as [`Layer::read`], and `WouldBlock` if it is nothing.
    fn take_plaintext(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.connection.reader().read(buffer);
        self.over |= match &read {
            Ok(count) => *count == 0 && !buffer.is_empty(),
            Err(error) => error.kind() == ErrorKind::UnexpectedEof,
        };
        match (read, &self.broken) {
            (Err(error), Some(broken)) if error.kind() == ErrorKind::WouldBlock => {
                Err(io::Error::other(broken.clone()))
            }
            (Err(error), _) if error.kind() == ErrorKind::UnexpectedEof => Err(io::Error::other(TlsTruncated)),
            (read, _) => read,
        }
    }

    /// Reads records and decrypts them.
    fn fetch(&mut self, stream: &mut Option<TcpStream>) -> io::Result<()> {
        let mut below = Below::new(&mut self.beneath, stream);
        let read = self.connection.read_tls(&mut below);
        self.drained = below.drained;
        read?;
        if let Err(error) = process(&mut self.connection, &mut below) {
            self.broken = Some(words_of(error));
        } else if self.connection.wants_write() {
            // An answer to the peer's TLS. If it has no room now, it goes along with what is written next.
            let _goes_along = write_out(&mut self.connection, &mut below);
        }
        Ok(())
    }
}

impl Layer for Tls {
    fn read(&mut self, stream: &mut Option<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.take_plaintext(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.fetch(stream)?,
                taken => return taken,
            }
        }
    }

    /// As many records as may wait are made and written at a time; small pieces share a record.
    fn write(&mut self, stream: &mut Option<TcpStream>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let (length, mut written): (usize, usize) = (slices.iter().map(|slice| slice.len()).sum(), 0);
        loop {
            match write_out(&mut self.connection, &mut Below::new(&mut self.beneath, stream)) {
                Ok(()) => {}
                Err(_) if written > 0 => return Ok(written),
                Err(error) => return Err(error),
            }
            // Under a rate that others share, what may be written now can be less than what is encrypted already.
            let told = self.ahead.min(length - written);
            (self.ahead, written) = (self.ahead - told, written + told);
            if written == length {
                return Ok(written);
            }
            self.ahead = encrypt(&mut self.connection, slices, written)?;
            if self.ahead == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
    }

    fn has_input(&mut self, stream: &mut Option<TcpStream>) -> bool {
        !self.connection.wants_read() || self.beneath.has_input(stream)
    }

    /// What the socket does not take now is written when the poll says that it does.
    fn shutdown(&mut self, stream: &mut Option<TcpStream>) -> io::Result<()> {
        if self.end == End::Open {
            self.connection.send_close_notify();
            self.end = End::Said;
        }
        match self.flush(stream) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            flushed => flushed,
        }
    }

    fn abort(&mut self) {
        self.beneath.abort();
    }

    fn watch(&mut self, token: Token) {
        self.beneath.watch(token);
    }

    fn error(&self) -> Option<io::Error> {
        self.beneath.error()
    }

    fn has_more(&self) -> bool {
        !self.drained || !self.connection.wants_read() || self.broken.is_some()
    }

    fn flush(&mut self, stream: &mut Option<TcpStream>) -> io::Result<()> {
        write_out(&mut self.connection, &mut Below::new(&mut self.beneath, stream))?;
        if self.end == End::Said {
            self.end = End::Shut;
            self.beneath.shutdown(stream)?;
        }
        Ok(())
    }

    /// What the peer says of TLS itself, new keys say, may be on its way; it would be answered with a reset.
    fn lingers(&self) -> bool {
        self.end == End::Said || !self.over
    }

    fn tls(&self) -> Option<Rc<TlsInfo>> {
        let server_name = match &self.connection {
            Connection::Server(server) => server.server_name().map(str::to_owned),
            Connection::Client(_) => None,
        };
        Some(Rc::new(TlsInfo {
            version: self
                .connection
                .protocol_version()
                .map_or_else(String::new, |version| format!("{version:?}").replace('_', ".")),
            alpn: self.connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            server_name,
            peer_certificates: self
                .connection
                .peer_certificates()
                .map_or_else(Vec::new, |chain| chain.iter().map(|certificate| certificate.to_vec()).collect()),
        }))
    }
}

/// Encrypts what lies behind the first `skip` bytes, as much as may wait; how much that is.
fn encrypt(connection: &mut Connection, slices: &[IoSlice<'_>], mut skip: usize) -> io::Result<usize> {
    let mut rest = Vec::with_capacity(slices.len());
    for slice in slices {
        let skipped = skip.min(slice.len());
        skip -= skipped;
        if skipped < slice.len() {
            rest.push(IoSlice::new(&slice[skipped..]));
        }
    }
    connection.writer().write_vectored(&rest)
}

/// What lies beneath, as rustls reads and writes it.
struct Below<'a> {
    layers: &'a mut Layers,
    stream: &'a mut Option<TcpStream>,
    /// The last read took all there was.
    drained: bool,
}

impl<'a> Below<'a> {
    const fn new(layers: &'a mut Layers, stream: &'a mut Option<TcpStream>) -> Self {
        Self { layers, stream, drained: false }
    }
}

impl Read for Below<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.layers.read(self.stream, buffer)?;
        self.drained = count > 0 && !self.layers.has_more(count, buffer.len());
        Ok(count)
    }
}

impl Write for Below<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.layers.write(self.stream, slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failure_of(error: rustls::Error) -> Failure {
    Failure::of_a_peer(words_of(error))
}

/// Who reads this may know nothing of rustls.
fn words_of(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::AlertReceived(alert) => TlsError::Alert { alert: in_words(&format!("{alert:?}")) },
        rustls::Error::InvalidCertificate(problem) => TlsError::Certificate { problem: problem_with(&problem) },
        rustls::Error::NoCertificatesPresented => TlsError::Certificate { problem: "it showed none".into() },
        other => TlsError::Protocol { problem: other.to_string() },
    }
}

fn problem_with(certificate: &CertificateError) -> String {
    let known = match certificate {
        CertificateError::UnknownIssuer => "nobody vouches for it that is trusted here",
        CertificateError::Expired => "it has expired",
        CertificateError::NotValidYet => "it is not valid yet",
        CertificateError::Revoked => "it was revoked",
        CertificateError::BadEncoding => "it cannot be read",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::InvalidPurpose => "it is not meant for this purpose",
        other => return other.to_string(),
    };
    known.to_owned()
}

/// `UnknownCA` as `unknown CA`: a capital letter begins a word, and stays one among others.
fn in_words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let is_capital = |at: usize| letters.get(at).is_some_and(|letter| letter.is_uppercase());
    let mut words = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let (begins, alone) = (is_capital(at) && at > 0 && !is_capital(at - 1), !is_capital(at + 1));
        words.extend(begins.then_some(' '));
        if alone && (begins || at == 0) { words.extend(letter.to_lowercase()) } else { words.push(*letter) }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_words() {
        assert_eq!(in_words("UnknownCA"), "unknown CA");
        assert_eq!(in_words("NoApplicationProtocol"), "no application protocol");
        assert_eq!(in_words(""), "");
    }
}
