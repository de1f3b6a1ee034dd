//! What no driver in memory brings about: input that comes before the connection was asked what next.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use slotmap::SlotMap;

use super::*;
use crate::framing::Line;
use crate::protocol::{Address, Agenda, ForProtocol, IntoShared};

/// Pauses at its first line, and counts when it has waited too long.
#[derive(Default)]
struct Pupil {
    late: Cell<u32>,
}

impl Protocol for Pupil {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn frame_received(&mut self, cx: &Context<Self>, _: &[u8]) {
        cx.pause_reading();
    }

    fn timeout(&self, _: &Context<Self>) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    fn timed_out(&mut self, _: &Context<Self>) {
        self.late.set(self.late.get() + 1);
    }
}

fn connect() -> Connection<Pupil> {
    let shared = ForProtocol::<Pupil>::default().into_shared();
    let address = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 8007)));
    let home = Home::of::<Pupil>(Rc::<Agenda>::default(), address);
    let key = SlotMap::<ConnectionKey, ()>::with_key().insert(());
    Connection::new(Pupil::default(), shared.seat(), Place { home, key, peer: address })
}

#[test]
fn a_time_out_counts_from_the_resumption_also_if_bytes_come_with_it() {
    let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
    let mut connection = connect();
    connection.open(at(0));
    connection.handle_bytes(at(0), b"hush\r\n");
    assert_eq!(connection.step(at(0), true), Step::Wait);
    connection.transport().resume_reading();
    connection.handle_bytes(at(800), b"hal");
    assert_eq!(connection.step(at(800), true), Step::Wait);
    connection.handle_timeout(at(1700));
    assert_eq!(connection.protocol.late.get(), 0);
    connection.handle_timeout(at(1800));
    assert_eq!(connection.protocol.late.get(), 1);
}
