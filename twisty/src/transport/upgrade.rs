//! TLS that begins in mid-connection.

use std::io::{self, ErrorKind, IoSlice};

use super::greeting::{Ends, Preface, Prefaces, Progress, Prologue};
use super::socket::Socket;
use crate::clock::Timestamp;
use crate::error::ConnectionLost;
use crate::failure::Failure;
use crate::protocol::Upgrade;

/// Does what can be done now. The first time, the work is a [`Prologue`]; then it is what is left of that.
pub(crate) fn advance(
    upgrade: &mut Upgrade,
    socket: &mut Socket,
    ends: &mut Ends,
    now: Timestamp,
) -> Result<Progress, Failure> {
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
