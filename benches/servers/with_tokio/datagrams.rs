//! Sends back each datagram that it gets.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::runtime::Builder;

use crate::Result;
use crate::servers::announce;

pub(in crate::servers) fn datagrams() -> Result {
    Builder::new_current_thread().enable_io().build()?.block_on(async {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        announce(format_args!("udp:{}", socket.local_addr()?))?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let (count, from) = socket.recv_from(&mut buffer).await?;
            socket.send_to(&buffer[..count], from).await?;
        }
    })
}
