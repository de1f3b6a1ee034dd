use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LinesCodec};

enum State {
    GetName,
    Adding { name: String, sum: u64 },
}

async fn serve(socket: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut lines = Framed::new(socket, LinesCodec::new_with_max_length(16_384));
    let mut state = State::GetName;
    lines.send("What's your name?".to_owned()).await?;
    while let Some(line) = lines.next().await.transpose()? {
        match &mut state {
            State::GetName => {
                lines.send(format!("Welcome, {line}!")).await?;
                state = State::Adding { name: line, sum: 0 };
            }
            State::Adding { name, sum } => {
                *sum += u64::from(line.parse::<u32>()?);
                lines.send(format!("{name} has {sum}")).await?;
            }
        }
    }
    Ok(())
}

pub async fn listen() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    Ok(())
}
