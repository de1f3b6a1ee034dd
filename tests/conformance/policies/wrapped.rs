//! A factory under policies: clients come and go, bytes and time pass.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::clock::{Clock, Timestamp};
use twisty::prelude::*;
use twisty::protocol::Policies;
use twisty::testing::{Client, Server};

use super::case::{Case, Log, duration, jump, seconds};

/// Makes its protocols, and keeps the transports of those that are open.
#[factory(protocol = Wrapped, build = Self::build)]
struct House {
    log: Log,
    /// The connection that is made now.
    next: u64,
    open: BTreeMap<u64, Transport<Raw>>,
}

#[protocol(raw, factory = House)]
struct Wrapped {
    number: u64,
    log: Log,
}

impl House {
    fn build(&mut self, _: &Address) -> Wrapped {
        Wrapped { number: self.next, log: self.log.clone() }
    }
}

#[protocol]
impl Wrapped {
    #[on(connect)]
    fn come(&mut self, cx: &Context<Self>) {
        cx.factory_mut().open.insert(self.number, cx.transport());
    }

    #[on(data)]
    fn hear(&mut self, data: &[u8]) {
        self.log.note(json!({ "ev": "data", "n": data.len() }));
    }

    #[on(disconnect)]
    fn go(&mut self, cx: &Context<Self>, reason: Failure) {
        cx.factory_mut().open.remove(&self.number);
        if reason.check::<twisty::IdleTimeout>().is_some() {
            let now = seconds(cx.clock().now() - Timestamp::ZERO);
            self.log.note(json!({ "ev": "lose", "c": self.number, "now": now }));
        }
    }
}

struct Player {
    server: Server<House>,
    log: Log,
    clients: BTreeMap<u64, (String, Client<House>)>,
    overflow: bool,
    period: Option<Duration>,
}

pub(super) fn replay(case: &Case) -> Value {
    let log = Log::default();
    let house = House { log: log.clone(), next: 0, open: BTreeMap::new() };
    let server = Server::new(house.with_policies(policies(case)));
    let (overflow, period) = (case.config["overflow"] == true, duration(&case.config["period"]));
    let mut player = Player { server, log, clients: BTreeMap::new(), overflow, period };
    for (at, op) in case.ops.iter().enumerate() {
        player.log.begin(at);
        player.play(op);
    }
    player.outcome(&case.kind)
}

/// Twisted's defaults are asked for where they differ.
fn policies(case: &Case) -> Policies {
    let number = |key: &str| case.config[key].as_u64().map(|number| usize::try_from(number).expect("it is small"));
    let none = Policies::new();
    match &*case.kind {
        "idle" => none.idle_timeout(duration(&case.config["period"]).expect("a period")),
        "limit_peer" => none.max_connections_per_peer(number("limit").unwrap_or(5)),
        "limit_total" => none.overflow("busy").max_connections(number("limit").unwrap_or(usize::MAX)),
        _ => {
            let policies = none.max_connections(number("max_connections").unwrap_or(usize::MAX));
            let policies = number("read_limit").into_iter().fold(policies, Policies::total_read_rate);
            number("write_limit").into_iter().fold(policies, Policies::total_write_rate)
        }
    }
}

impl Player {
    fn play(&mut self, op: &Value) {
        let (number, bytes) = (op["c"].as_u64().unwrap_or_default(), op["n"].as_u64().unwrap_or_default());
        let bytes = vec![b'x'; usize::try_from(bytes).expect("it is small")];
        match op["op"].as_str().expect("a name") {
            "connect" => self.connect(number, op["peer"].as_str().unwrap_or("10.0.0.1")),
            "lost" => self.clients[&number].1.reset(),
            "data" => drop(self.clients[&number].1.receive(bytes)),
            "write" => self.with_transport(number, |transport| transport.write(bytes)),
            "set_timeout" => self.set_timeout(number, duration(&op["period"])),
            "cancel_timeout" => self.set_timeout(number, None),
            "reset_timeout" => self.with_transport(number, |transport| {
                let limit = transport.set_idle_timeout(None);
                transport.set_idle_timeout(limit);
            }),
            // What pauses a producer here is a queue that fills, whatever the reason.
            "register_producer" | "unregister_producer" => {}
            "advance" => jump(&self.server, op),
            other => panic!("there is no operation {other}"),
        }
        self.server.advance(Duration::ZERO);
    }

    fn connect(&mut self, number: u64, peer: &str) {
        self.server.factory_mut().next = number;
        let address: SocketAddr = format!("{peer}:{}", 1000 + number).parse().expect("an address");
        let client = self.server.connect_from(address.into());
        let by = if client.is_connected() { "protocol" } else { "overflow" };
        if client.is_connected() || self.overflow {
            self.log.note(json!({ "ev": "accepted", "c": number, "by": by }));
        } else {
            self.log.note(json!({ "ev": "refused", "c": number }));
        }
        self.clients.insert(number, (peer.to_owned(), client));
    }

    fn set_timeout(&self, number: u64, limit: Option<Duration>) {
        self.with_transport(number, |transport| {
            let _previous = transport.set_idle_timeout(limit);
        });
    }

    fn with_transport(&self, number: u64, change: impl FnOnce(&Transport<Raw>)) {
        let transport = self.server.factory().open.get(&number).cloned();
        if let Some(transport) = transport {
            change(&transport);
        }
    }

    fn outcome(self, kind: &str) -> Value {
        let events = self.log.events();
        match kind {
            "idle" => json!({ "events": events, "pending": self.pending(events.len()) }),
            "limit_peer" => json!({ "events": events, "counts": self.counts() }),
            _ => json!({ "events": events, "count": self.server.connections() }),
        }
    }

    fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for (peer, _) in self.clients.values().filter(|(_, client)| client.is_connected()) {
            *counts.entry(&**peer).or_default() += 1;
        }
        counts
    }

    /// When those that are open would be closed: found out by waiting for it.
    fn pending(&self, before: usize) -> Vec<Value> {
        self.server.advance(self.period.unwrap_or_default() + Duration::from_secs(1000));
        self.log.events()[before..].iter().map(|event| event["now"].clone()).collect()
    }
}
