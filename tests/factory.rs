//! `#[factory]`: its hooks.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use twisty::Address;
use twisty::prelude::*;

/// What became of the house; it outlives the factory.
type Log = Rc<RefCell<Vec<&'static str>>>;

#[factory(protocol = Guest, build = Self::admit, start = Self::open, stop = close, max_connections = self.beds)]
struct House {
    beds: usize,
    log: Log,
}

impl House {
    fn open(&mut self) -> Result<(), std::num::ParseIntError> {
        self.log.borrow_mut().push("open");
        self.beds += "1".parse::<usize>()?;
        Ok(())
    }

    fn admit(&mut self, peer: &Address) -> Option<Guest> {
        peer.ip().is_none_or(|ip| ip.is_loopback()).then_some(Guest)
    }
}

fn close(house: &mut House) {
    house.log.borrow_mut().push("closed");
}

#[protocol(line, factory = House)]
struct Guest;

#[protocol]
impl Guest {
    #[on(line)]
    fn echo(&mut self, line: &[u8]) -> Vec<u8> {
        line.to_vec()
    }
}

#[test]
fn a_factory_has_hooks() {
    let log = Log::default();
    let mut house = House { beds: 1, log: Rc::clone(&log) };
    Factory::start(&mut house).expect("the house opens");
    assert_eq!(house.max_connections(), 2);
    assert!(house.build_protocol(&Address::from(SocketAddr::from(([127, 0, 0, 1], 1)))).is_some());
    assert!(house.build_protocol(&Address::from(SocketAddr::from(([8, 8, 8, 8], 1)))).is_none());
    Factory::stop(&mut house);
    assert_eq!(*log.borrow(), ["open", "closed"]);
}
