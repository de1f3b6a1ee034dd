//! TLS that begins in mid-connection.

use std::io::{self, ErrorKind, IoSlice};

use super::greeting::{Ends, Preface, Prefaces, Progress, Prologue};
use super::socket::Socket;
use crate::clock::Timestamp;
use crate::error::ConnectionLost;
use crate::failure::Failure;
use crate::framing::Framing;
use crate::protocol::{Transport, Upgrade};

/// Goes on with it as far as can be; whether it waits. An error ends the connection.
#[cold]
pub(crate) fn go_on<F: Framing>(
    link: &Transport<F>,
    unread: usize,
    socket: &mut Socket,
    now: Timestamp,
) -> Result<bool, Failure> {
    let Some(mut upgrade) = link.take_upgrade(unread) else { return Ok(false) };
    let mut ends = Ends { host: link.host(), peer: link.peer() };
    let progress = advance(&mut upgrade, socket, &mut ends, now);
    if let Ok(Progress::Done) = progress {
        link.upgraded(socket.tls());
        upgrade.resolver.callback(());
        return Ok(false);
    }
    link.put_back_upgrade(upgrade);
    progress.map(|_waiting| true)
}

/// Does what can be done now. The first time, the work is a [`Prologue`]; then it is what is left of that.
fn advance(upgrade: &mut Upgrade, socket: &mut Socket, ends: &mut Ends, now: Timestamp) -> Result<Progress, Failure> {
    if let Some(prologue) = upgrade.work.downcast_ref::<Prologue>() {
        let mut prefaces = Prefaces::begin(prologue, now);
        prefaces.put_first(Box::new(Clear { bytes: std::mem::take(&mut upgrade.clear), written: 0 }));
        upgrade.deadline = Some(prefaces.deadline());
        upgrade.work = Box::new(prefaces);
    }
    let Some(prefaces) = upgrade.work.downcast_mut::<Prefaces>() else { return Ok(Progress::Done) };
    let progress = prefaces.advance(socket, ends)?;
    if progress == Progress::Waiting {
        prefaces.check_time(now)?;
    }
    Ok(progress)
}

/// What was sent before TLS was asked for.
struct Clear {
    bytes: Vec<u8>,
    written: usize,
}

impl Preface for Clear {
    fn advance(&mut self, socket: &mut Socket, _ends: &mut Ends) -> Result<Progress, Failure> {
        while self.written < self.bytes.len() {
            let rest = [IoSlice::new(&self.bytes[self.written..])];
            match socket.below(|layers, stream| layers.write(stream, &rest)) {
                Ok(0) => return Err(lost(ErrorKind::WriteZero.into())),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(error)),
            }
        }
        Ok(Progress::Done)
    }
}

fn lost(error: io::Error) -> Failure {
    Failure::of_a_peer(ConnectionLost::from(error))
}
