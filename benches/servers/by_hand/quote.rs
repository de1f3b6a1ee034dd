//! Says something to each visitor, and closes.

use std::io::Write;

use mio::net::TcpStream;

use super::{Service, run};
use crate::Result;
use crate::servers::QUOTE;

pub(in crate::servers) fn quote() -> Result {
    run(Quote)
}

struct Quote;

impl Service for Quote {
    type Session = ();

    /// A fresh socket takes so little at once; if it is broken already, that is the visitor's loss.
    fn welcome(&mut self, socket: &mut TcpStream) -> bool {
        let _ = socket.write(QUOTE.as_bytes());
        false
    }

    fn respond<'a>(&mut self, _session: &mut (), _input: &'a [u8], _scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        None
    }
}
