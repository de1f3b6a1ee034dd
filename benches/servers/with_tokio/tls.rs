//! Sends back what it gets, by TLS.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::run;
use crate::Result;
use crate::certificate;

pub(in crate::servers) fn echo_tls() -> Result {
    let acceptor = TlsAcceptor::from(certificate::server_config()?);
    run(move |socket| echo_one(acceptor.clone(), socket))
}

async fn echo_one(acceptor: TlsAcceptor, socket: TcpStream) -> std::io::Result<()> {
    let mut stream = acceptor.accept(socket).await?;
    // The longest record.
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            count => stream.write_all(&buffer[..count]).await?,
        }
        stream.flush().await?;
    }
}
