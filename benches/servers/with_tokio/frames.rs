//! Sends back each frame.

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder, Framed, LengthDelimitedCodec, LinesCodec};

use super::netstrings::Netstrings;
use super::{LONGEST_LINE, run};
use crate::Result;

pub(in crate::servers) fn lines_send() -> Result {
    run(|socket| send_each::<_, String, _>(Framed::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE))))
}

pub(in crate::servers) fn lines_batched() -> Result {
    run(|socket| send_batches::<_, String, _>(Framed::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE))))
}

pub(in crate::servers) fn netstrings_send() -> Result {
    run(|socket| send_each::<_, Bytes, _>(Framed::new(socket, Netstrings)))
}

pub(in crate::servers) fn netstrings_batched() -> Result {
    run(|socket| send_batches::<_, Bytes, _>(Framed::new(socket, Netstrings)))
}

/// By default, its length is the four bytes that are wanted here.
pub(in crate::servers) fn strings_send() -> Result {
    run(|socket| send_each::<_, Bytes, _>(Framed::new(socket, LengthDelimitedCodec::new())))
}

pub(in crate::servers) fn strings_batched() -> Result {
    run(|socket| send_batches::<_, Bytes, _>(Framed::new(socket, LengthDelimitedCodec::new())))
}

/// As one writes it: a `send` a frame.
async fn send_each<C, F, E>(mut frames: Framed<TcpStream, C>) -> Result<(), E>
where
    C: Decoder<Item: Into<F>, Error = E> + Encoder<F, Error = E>,
    E: From<std::io::Error>,
{
    while let Some(frame) = frames.next().await {
        frames.send(frame?.into()).await?;
    }
    Ok(())
}

/// As one writes it once that proved slow: frames that are there already are answered together.
async fn send_batches<C, F, E>(mut frames: Framed<TcpStream, C>) -> Result<(), E>
where
    C: Decoder<Item: Into<F>, Error = E> + Encoder<F, Error = E>,
    E: From<std::io::Error>,
{
    while let Some(frame) = frames.next().await {
        frames.feed(frame?.into()).await?;
        while let Some(Some(frame)) = frames.next().now_or_never() {
            frames.feed(frame?.into()).await?;
        }
        frames.flush().await?;
    }
    Ok(())
}
