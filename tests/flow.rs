//! Flow control: producers that are held up, connections of which one side is closed, files, and peers that are too slow.

#[path = "flow/closing.rs"]
mod closing;
#[path = "flow/files.rs"]
mod files;
#[path = "flow/half_close.rs"]
mod half_close;
#[path = "flow/pipe.rs"]
mod pipe;
#[path = "flow/producers.rs"]
mod producers;
#[path = "flow/slow_consumers.rs"]
mod slow_consumers;
#[path = "flow/sockets.rs"]
mod sockets;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;
use twisty::protocol::PushProducer;
use twisty::testing::{Client, Server};

const NOW: Duration = Duration::ZERO;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn add(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

/// A push producer that notes what it is told.
struct Noted(Log);

impl PushProducer for Noted {
    fn pause(&mut self) {
        self.0.add("pause");
    }

    fn resume(&mut self) {
        self.0.add("resume");
    }

    fn stop(&mut self) {
        self.0.add("stop");
    }
}

/// What the connections of a test do, and the transport of the last one.
#[factory(protocol = Sink)]
#[derive(Default)]
struct Sinks {
    log: Log,
    last: Option<Transport<Raw>>,
}

/// Takes anything, and notes what else happens to it. More than 1000 bytes in its queue are too many, 400 are few.
#[protocol(raw, factory = Sinks, high_water = 1000, low_water = 400, close_timeout = 5s)]
#[derive(Default)]
struct Sink;

#[protocol]
impl Sink {
    #[on(connect)]
    fn enter(&mut self, cx: &Context<Self>) {
        cx.factory_mut().last = Some(cx.transport());
    }

    #[on(data)]
    fn take(&mut self, cx: &Context<Self>) {
        cx.factory().log.add("data");
    }

    #[on(drain)]
    fn drained(&mut self, cx: &Context<Self>) {
        cx.factory().log.add("drain");
    }

    #[on(disconnect)]
    fn leave(&mut self, cx: &Context<Self>) {
        cx.factory().log.add("disconnect");
    }
}

/// One connection of a [`Sink`], seen from all sides.
struct Scene {
    server: Server<Sinks>,
    client: Client<Sinks>,
    transport: Transport<Raw>,
    log: Log,
}

impl Scene {
    fn new() -> Self {
        let server = Server::new(Sinks::default());
        let client = server.connect();
        let transport = server.factory().last.clone().expect("it is connected");
        let log = server.factory().log.clone();
        Self { server, client, transport, log }
    }

    /// The same, with a push producer.
    fn pushed() -> Self {
        let scene = Self::new();
        scene.transport.register_producer(Noted(scene.log.clone())).expect("it is the first");
        scene.turn();
        scene
    }

    fn turn(&self) {
        self.server.advance(NOW);
    }

    /// Sends so many bytes, as something outside of all handlers does.
    fn send(&self, bytes: usize) {
        self.transport.write(vec![b'x'; bytes]);
        self.turn();
    }
}
