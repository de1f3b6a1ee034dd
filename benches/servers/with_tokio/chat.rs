//! Passes each line on to everyone else, like tokio's own example of a chat: a channel for each member.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

use super::{LONGEST_LINE, run};
use crate::Result;

/// As the example is written: a `send` a line.
pub(in crate::servers) fn chat_send() -> Result {
    serve::<String>(Delivery::Send)
}

/// As one writes it once that proved slow: lines that wait already are written together, and shared by all members.
pub(in crate::servers) fn chat_batched() -> Result {
    serve::<Arc<str>>(Delivery::Batched)
}

#[derive(Clone, Copy)]
enum Delivery {
    Send,
    Batched,
}

/// A line on its way to the members.
trait Message: AsRef<str> + From<String> + Clone + Send + 'static {}

impl<M: AsRef<str> + From<String> + Clone + Send + 'static> Message for M {}

type Members<M> = Arc<Mutex<HashMap<SocketAddr, UnboundedSender<M>>>>;

fn serve<M: Message>(delivery: Delivery) -> Result {
    let members = Members::<M>::default();
    run(move |socket| member(socket, Arc::clone(&members), delivery))
}

async fn member<M: Message>(socket: TcpStream, members: Members<M>, delivery: Delivery) -> Result<(), LinesCodecError> {
    let address = socket.peer_addr()?;
    let mut lines = Framed::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE));
    let Some(name) = lines.next().await.transpose()? else { return Ok(()) };
    let (sender, receiver) = unbounded_channel();
    with(&members, |members| members.insert(address, sender));
    let welcome = lines.send(format!("Welcome, {name}!")).await;
    let chatted = match welcome {
        Ok(()) => chat(&mut lines, receiver, &members, address, delivery).await,
        Err(error) => Err(error),
    };
    with(&members, |members| members.remove(&address));
    chatted
}

async fn chat<M: Message>(
    lines: &mut Framed<TcpStream, LinesCodec>,
    mut receiver: UnboundedReceiver<M>,
    members: &Members<M>,
    me: SocketAddr,
    delivery: Delivery,
) -> Result<(), LinesCodecError> {
    loop {
        tokio::select! {
            Some(message) = receiver.recv() => match delivery {
                Delivery::Send => lines.send(message).await?,
                Delivery::Batched => send_waiting(lines, message, &mut receiver).await?,
            },
            line = lines.next() => match line {
                Some(line) => say(&M::from(line?), members, me),
                None => return Ok(()),
            },
        }
    }
}

async fn send_waiting<M: Message>(
    lines: &mut Framed<TcpStream, LinesCodec>,
    first: M,
    receiver: &mut UnboundedReceiver<M>,
) -> Result<(), LinesCodecError> {
    lines.feed(first).await?;
    while let Ok(next) = receiver.try_recv() {
        lines.feed(next).await?;
    }
    SinkExt::<M>::flush(lines).await
}

fn say<M: Message>(line: &M, members: &Members<M>, me: SocketAddr) {
    with(members, |members| {
        for (_, sender) in members.iter().filter(|(address, _)| **address != me) {
            // A member that has just left needs no more lines.
            let _ = sender.send(line.clone());
        }
    });
}

fn with<M, R>(members: &Members<M>, work: impl FnOnce(&mut HashMap<SocketAddr, UnboundedSender<M>>) -> R) -> R {
    work(&mut members.lock().unwrap_or_else(PoisonError::into_inner))
}
