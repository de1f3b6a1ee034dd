//! A case, operation by operation, against an in-memory server.

use twisty::prelude::*;
use twisty::testing::{Client, Server};

use super::app::{Stage, Subject, send};
use super::case::{Case, Data, Event, Op, Receiver, What, ending};

/// All that happens, in order.
pub(super) fn replay(case: &Case) -> Vec<Event> {
    match case.config.protocol {
        Receiver::LineReceiver | Receiver::LineOnlyReceiver => Replay::<Line>::new(case).run(case),
        Receiver::NetstringReceiver => Replay::<Netstring>::new(case).run(case),
        _ => Replay::<LengthPrefixed>::new(case).run(case),
    }
}

struct Replay<F: Subject> {
    server: Server<Stage<F>>,
    client: Client<Stage<F>>,
    transport: Transport<F>,
}

impl<F: Subject> Replay<F> {
    fn new(case: &Case) -> Self {
        let server = Server::new(Stage::new(case.config.clone()));
        let client = server.connect();
        let transport = server.factory().transport.clone().expect("the protocol is connected");
        Self { server, client, transport }
    }

    /// Does the operations until one of them closes the connection.
    fn run(self, case: &Case) -> Vec<Event> {
        let mut done = 0;
        while let Some(op) = case.ops.get(done).filter(|_| self.client.is_connected()) {
            self.server.factory_mut().at = done;
            self.perform(op);
            // Whatever was asked of the transport from outside is done at the next occasion, which this is.
            self.client.start_reading();
            self.server.factory_mut().note_wire(&self.client.take_sent());
            done += 1;
        }
        let buffered = (case.config.protocol == Receiver::LineReceiver).then(|| Data(self.client.unread()));
        let mut events = std::mem::take(&mut self.server.factory_mut().log);
        events.extend(ending(done, buffered));
        events
    }

    fn perform(&self, op: &Op) {
        match op {
            Op::Data { data } => self.receive(&data.0),
            Op::Pause => {
                self.server.factory_mut().note(What::Pause);
                self.transport.pause_reading();
            }
            Op::Resume => {
                self.server.factory_mut().note(What::Resume);
                self.transport.resume_reading();
            }
            Op::SendLine { data } | Op::SendString { data } => {
                let sent = send(&self.transport, &data.0);
                self.server.factory_mut().note_sent(&sent);
            }
            Op::SetRaw { n } => {
                self.server.factory_mut().raw_wanted = *n;
                self.transport.framing_mut().set_raw_mode();
            }
            Op::SetLine { extra } => {
                // From outside of a handler there is nothing to give back: the extra bytes are bytes that arrive.
                self.transport.framing_mut().set_line_mode(b"");
                self.receive(&extra.0);
            }
            // Not offered: see the departures.
            Op::Clear => {}
        }
    }

    fn receive(&self, bytes: &[u8]) {
        self.client.receive(bytes);
    }
}
