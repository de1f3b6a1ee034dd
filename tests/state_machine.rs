//! `#[state_machine]`: states as arguments and outcomes, handlers by state, and the graph, in memory.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;
use twisty::testing::Server;

#[protocol(line)]
#[derive(Default)]
struct Order {
    /// It outlives the connection.
    abandoned: Rc<Cell<u8>>,
}

#[derive(Default)]
struct Open;
struct Filling {
    items: Vec<String>,
}
struct Paying {
    items: Vec<String>,
}

type Next<T> = (String, T);

#[state_machine(Open, Filling, Paying)]
impl Order {
    #[on(connect)]
    fn greet(&mut self) -> &'static str {
        "what do you want?"
    }

    #[on(line in Open)]
    fn begin(&mut self, item: String) -> Filling {
        Filling { items: vec![item] }
    }

    #[on(line in Filling)]
    fn fill(&mut self, order: &mut Filling, item: &str) -> Result<Option<Paying>, &'static str> {
        match item {
            "" => Err("what?"),
            "pay" => Ok(Some(Paying { items: std::mem::take(&mut order.items) })),
            item => {
                order.items.push(item.into());
                Ok(None)
            }
        }
    }

    #[on(line in Paying, to = (Open))]
    fn pay(&mut self, coins: u32, order: Paying, cx: &Context<Self>) -> Result<Next<Open>, Failure> {
        if coins == 0 {
            return Err(Failure::message("no money"));
        }
        cx.send(format!("{coins} coins"));
        Ok((order.items.join("+"), Open))
    }

    #[on(timeout(10s))]
    fn wait(&mut self) -> &'static str {
        "take your time"
    }

    #[on(timeout(1min) in Paying)]
    fn hurry(&mut self, order: &Paying) -> (String, Open) {
        (format!("{} gone", order.items.len()), Open)
    }

    #[on(disconnect in Filling | Paying)]
    fn abandon(&mut self) {
        self.abandoned.set(self.abandoned.get() + 1);
    }
}

fn ordered(lines: &str) -> String {
    let server = Server::new(Order::factory());
    let client = server.connect();
    client.receive(lines);
    client.sent().trim_start_matches("what do you want?\r\n").to_owned()
}

#[test]
fn machines_go_from_state_to_state() {
    assert_eq!(ordered("tea\r\nmilk\r\npay\r\n3\r\n"), "3 coins\r\ntea+milk\r\n");
    assert_eq!(ordered("tea\r\npay\r\n3\r\ncake\r\npay\r\n4\r\n"), "3 coins\r\ntea\r\n4 coins\r\ncake\r\n");
}

#[test]
fn machines_stay_where_they_are_on_a_refusal() {
    assert_eq!(ordered("tea\r\n\r\npay\r\n3\r\n"), "what?\r\n3 coins\r\ntea\r\n");
}

#[test]
fn machines_end_on_a_failure_also_without_a_state() {
    let server = Server::new(Order::factory());
    let client = server.connect();
    client.receive("tea\r\npay\r\n0\r\n3\r\n");
    assert_eq!((client.sent().as_str(), client.is_connected()), ("what do you want?\r\n", false));
}

#[test]
fn machines_keep_a_state_whose_frame_is_none() {
    let server = Server::new(Order::factory());
    let client = server.connect();
    client.receive("tea\r\npay\r\nthree\r\n");
    assert!(!client.is_connected());
}

#[test]
fn machines_leave_alone_what_their_state_has_no_handler_for() {
    let abandoned = Rc::new(Cell::new(0));
    let orders = {
        let abandoned = Rc::clone(&abandoned);
        ForProtocol::new(move || Order { abandoned: Rc::clone(&abandoned) })
    };
    let server = Server::new(orders);
    server.connect().disconnect();
    assert_eq!(abandoned.get(), 0);
    server.connect().receive("tea\r\n").disconnect();
    server.connect().receive("tea\r\npay\r\n").disconnect();
    assert_eq!(abandoned.get(), 2);
}

#[test]
fn machines_wait_as_long_as_their_state_says() {
    let server = Server::new(Order::factory());
    let client = server.connect();
    server.advance(Duration::from_secs(10));
    client.receive("tea\r\npay\r\n");
    server.advance(Duration::from_secs(59));
    assert_eq!(client.sent(), "what do you want?\r\ntake your time\r\n");
    server.advance(Duration::from_secs(1));
    assert_eq!(client.sent(), "what do you want?\r\ntake your time\r\n1 gone\r\n");
}

#[test]
fn machines_know_their_graph() {
    let ways = Order::diagram().mermaid();
    let ways: Vec<_> = ways.lines().skip(1).map(str::trim).collect();
    let expected = [
        "[*] --> Open",
        "Open --> Filling: line",
        "Filling --> Paying: line",
        "Paying --> Open: line",
        "Open --> Open: timeout 10s",
        "Filling --> Filling: timeout 10s",
        "Paying --> Open: timeout 1min",
    ];
    assert_eq!(ways, expected);
    assert_eq!(Order::diagram().states, ["Open", "Filling", "Paying"]);
}

/// Where an alias hides that no state may follow, the connection ends instead of going on without a state.
#[protocol(line)]
#[derive(Default)]
struct Careless;

#[derive(Default)]
struct Only;

type Perhaps = Option<Only>;

#[state_machine(Only)]
impl Careless {
    #[on(line in Only, to = Only)]
    fn lose(&mut self, only: Only, keep: &str) -> Perhaps {
        (keep == "keep").then_some(only)
    }
}

#[test]
fn machines_do_not_go_on_without_a_state() {
    let server = Server::new(Careless::factory());
    let client = server.connect();
    client.receive("keep\r\n");
    assert!(client.is_connected());
    client.receive("drop\r\n");
    assert!(!client.is_connected());
}

/// Lines are for `Talking`; in `Receiving` only bytes are expected.
#[protocol(line)]
#[derive(Default)]
struct Upload;

#[derive(Default)]
struct Talking;
struct Receiving;

#[state_machine(Talking, Receiving)]
impl Upload {
    #[on(line in Talking)]
    fn begin(&mut self, cx: &Context<Self>, bytes: usize) -> Receiving {
        cx.set_raw_mode_for(bytes);
        Receiving
    }

    #[on(raw in Receiving)]
    fn body(&mut self, data: &[u8]) -> String {
        format!("{} bytes", data.len())
    }
}

/// It never takes a line.
#[protocol(line)]
#[derive(Default)]
struct Sink;

#[protocol]
impl Sink {
    #[on(raw)]
    fn swallow(&mut self, _data: &[u8]) {}
}

/// The warnings while `work` runs.
fn warned(work: impl FnOnce()) -> Vec<String> {
    live::reported(tracing::Level::WARN, work)
}

#[test]
fn a_frame_that_no_handler_takes_is_reported() {
    let client = Server::new(Upload::factory()).connect();
    assert_eq!(warned(|| assert_eq!(client.receive("3\r\nabc").sent(), "3 bytes\r\n")), [""; 0]);
    let warnings = warned(|| assert!(client.receive("one\r\ntwo\r\n").is_connected()));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("a frame came that no handler takes in this state peer=tcp:"), "{warnings:?}");

    let client = Server::new(Sink::factory()).connect();
    assert_eq!(warned(|| assert!(client.receive("one\r\n").is_connected())).len(), 1);
}
