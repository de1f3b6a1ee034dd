//! The other end, by hand: rustls over a blocking socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use live::PATIENCE;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::certificates::{Authority, Signed};

/// Whom a client trusts, and what it shows and offers.
pub(crate) struct Settings {
    roots: RootCertStore,
    shown: Option<Signed>,
    alpn: Vec<Vec<u8>>,
    tls12: bool,
}

/// A client, in or after its handshake.
pub(crate) struct Peer(BufReader<StreamOwned<ClientConnection, Counted>>);

/// Counts the records that are read.
pub(crate) struct Counted {
    pub(crate) socket: TcpStream,
    pub(crate) read: Vec<u8>,
}

impl Settings {
    pub(crate) fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM")).expect("an authority");
        Self { roots, shown: None, alpn: Vec::new(), tls12: false }
    }

    pub(crate) fn showing(mut self, signed: &Signed) -> Self {
        self.shown = Some(signed.clone());
        self
    }

    pub(crate) fn alpn(mut self, names: &[&str]) -> Self {
        self.alpn = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    pub(crate) const fn tls12(mut self) -> Self {
        self.tls12 = true;
        self
    }

    fn config(&self) -> ClientConfig {
        let versions: &[_] = if self.tls12 { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions).expect("versions");
        let builder = builder.with_root_certificates(self.roots.clone());
        let mut config = match &self.shown {
            None => builder.with_no_client_auth(),
            Some(Signed { certificate, key }) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        config
    }

    /// A server that sends a line to one client, and goes without a word.
    pub(crate) fn serve_and_cut(listener: &TcpListener, signed: &Signed) {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let chain = vec![CertificateDer::from_pem_slice(signed.certificate.as_bytes()).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).expect("PEM");
        let config = builder.with_single_cert(chain, key).expect("they belong together");
        let connection = ServerConnection::new(Arc::new(config)).expect("a server");
        let mut stream = StreamOwned::new(connection, listener.accept().expect("a client").0);
        stream.write_all(b"half of it\r\nand the oth").expect("the client takes it");
        stream.sock.shutdown(std::net::Shutdown::Write).expect("a FIN");
        let _whatever_it_says = stream.sock.read_to_end(&mut Vec::new());
    }

    /// Connects; the handshake is made with the first thing that is read or written.
    pub(crate) fn connect(&self, address: SocketAddr, name: &str) -> Peer {
        self.upgrade(TcpStream::connect(address).expect("a connection"), name)
    }

    /// Begins TLS on a socket.
    pub(crate) fn upgrade(&self, socket: TcpStream, name: &str) -> Peer {
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(Arc::new(self.config()), name).expect("a client");
        let counted = Counted { socket, read: Vec::new() };
        Peer(BufReader::new(StreamOwned::new(connection, counted)))
    }
}

impl Peer {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.get_mut().write_all(bytes.as_ref()).expect("the server takes it");
        self
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    pub(crate) fn line(&mut self) -> String {
        self.try_line().expect("a line")
    }

    /// An error where the connection breaks, and an empty line at its end.
    pub(crate) fn try_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("bytes");
        bytes
    }

    /// All that comes before an orderly end; one without `close_notify` is an error.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Says that nothing more comes, in TLS.
    pub(crate) fn close_notify(&mut self) {
        let stream = self.0.get_mut();
        stream.conn.send_close_notify();
        stream.flush().expect("the server takes it");
    }

    /// Sends the first message of the handshake in pieces of one byte each.
    pub(crate) fn drip(&mut self) {
        let StreamOwned { conn, sock } = self.0.get_mut();
        let mut hello = Vec::new();
        conn.write_tls(&mut hello).expect("a hello");
        sock.socket.set_nodelay(true).expect("an option");
        for byte in hello {
            sock.socket.write_all(&[byte]).expect("the server takes it");
        }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.0.get_ref().sock.socket
    }

    /// The lengths of all records with application data that were read.
    pub(crate) fn records(&self) -> Vec<usize> {
        let (mut lengths, mut rest) = (Vec::new(), &self.0.get_ref().sock.read[..]);
        while let [kind, _, _, high, low, behind @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            lengths.extend((*kind == 23).then_some(length));
            rest = behind.get(length..).unwrap_or_default();
        }
        lengths
    }

    pub(crate) fn forget_records(&mut self) {
        self.0.get_mut().sock.read.clear();
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.read.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
