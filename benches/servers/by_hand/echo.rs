//! Sends back what it gets.

use super::{Service, run};
use crate::Result;

pub(in crate::servers) fn echo() -> Result {
    run(Echo)
}

struct Echo;

impl Service for Echo {
    type Session = ();

    fn respond<'a>(&mut self, _session: &mut (), input: &'a [u8], _scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        Some(input)
    }
}
