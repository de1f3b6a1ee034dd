//! The tokio servers, on the current_thread runtime: a task a connection, tokio-util's `LinesCodec` for lines.

use std::net::SocketAddr;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

use super::announce;
use crate::Result;

const LONGEST_LINE: usize = 16384;

pub(super) fn echo() -> Result {
    run(echo_one)
}

/// As one writes it: a `send` a line.
pub(super) fn lines_send() -> Result {
    run(send_one)
}

/// As one writes it once that proved slow: lines that are there already are answered together.
pub(super) fn lines_batched() -> Result {
    run(batch_one)
}

/// Accepts connections, and gives each to a task that runs `serve`. An error is the peer's, and ends its connection.
fn run<F, E>(serve: impl Fn(TcpStream) -> F) -> Result
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        announce(format_args!("tcp:{}", listener.local_addr()?))?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(serve(socket));
        }
    })
}

async fn echo_one(mut socket: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        match socket.read(&mut buffer).await? {
            0 => return Ok(()),
            count => socket.write_all(&buffer[..count]).await?,
        }
    }
}

async fn send_one(socket: TcpStream) -> Result<(), LinesCodecError> {
    let mut lines = Framed::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE));
    while let Some(line) = lines.next().await {
        lines.send(line?).await?;
    }
    Ok(())
}

async fn batch_one(socket: TcpStream) -> Result<(), LinesCodecError> {
    let mut lines = Framed::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE));
    while let Some(line) = lines.next().await {
        lines.feed(line?).await?;
        while let Some(Some(line)) = lines.next().now_or_never() {
            lines.feed(line?).await?;
        }
        SinkExt::<String>::flush(&mut lines).await?;
    }
    Ok(())
}
