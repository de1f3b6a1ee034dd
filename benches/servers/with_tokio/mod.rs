//! The tokio servers, on the current_thread runtime: a task a connection, tokio-util's codecs for frames.

mod chat;
mod datagrams;
mod frames;
mod netstrings;
mod tls;

use std::net::SocketAddr;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use super::{QUOTE, announce};
use crate::Result;

pub(super) use chat::{chat_batched, chat_send};
pub(super) use datagrams::datagrams;
pub(super) use frames::{
    lines_batched, lines_send, netstrings_batched, netstrings_send, strings_batched, strings_send,
};
pub(super) use tls::echo_tls;

const LONGEST_LINE: usize = 16384;

/// With a buffer of the usual size for each connection.
pub(super) fn echo() -> Result {
    run(|socket| echo_one(socket, 8 * 1024))
}

/// With buffers as large as the one that the mio loop and twisty have for all connections: a large message is then one
/// read for tokio too.
pub(super) fn echo_large() -> Result {
    run(|socket| echo_one(socket, 64 * 1024))
}

pub(super) fn quote() -> Result {
    run(quote_one)
}

/// Accepts connections, and gives each to a task that runs `serve`. An error is the peer's, and ends its connection.
fn run<F, E>(serve: impl Fn(TcpStream) -> F) -> Result
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        // Accepted sockets inherit it, as those of the mio loop and twisty do: no system call for each of them.
        SockRef::from(&listener).set_tcp_nodelay(true)?;
        announce(format_args!("tcp:{}", listener.local_addr()?))?;
        loop {
            let (socket, _) = listener.accept().await?;
            tokio::spawn(serve(socket));
        }
    })
}

async fn echo_one(mut socket: TcpStream, size: usize) -> std::io::Result<()> {
    let mut buffer = vec![0; size];
    loop {
        match socket.read(&mut buffer).await? {
            0 => return Ok(()),
            count => socket.write_all(&buffer[..count]).await?,
        }
    }
}

async fn quote_one(mut socket: TcpStream) -> std::io::Result<()> {
    socket.write_all(QUOTE.as_bytes()).await
}
