//! States that come later.

use std::cell::RefCell;

use twisty::prelude::*;
use twisty::testing::Server;

use crate::fire;

type Later<S> = Deferred<(&'static str, S)>;

/// Goes from state to state by Deferreds, and by replies with them.
#[factory(protocol = Door)]
#[derive(Default)]
struct House {
    key: RefCell<Option<Resolver<(&'static str, Open)>>>,
}

#[protocol(line, factory = House)]
#[derive(Default)]
struct Door;

#[derive(Default)]
struct Closed;
struct Open;

#[state_machine(Closed, Open)]
impl Door {
    #[on(line in Closed)]
    fn open(&mut self, cx: &Context<Self>, line: &str) -> (Option<Later<Open>>, Option<&'static str>) {
        match line {
            "open" => {
                let (resolver, key) = Deferred::new();
                cx.factory().key.replace(Some(resolver));
                (Some(key), None)
            }
            "turn" => {
                House::key(&cx.factory()).callback(("open now", Open));
                (None, Some("it turns"))
            }
            _ => (None, Some("closed")),
        }
    }

    #[on(line in Open)]
    fn close(&mut self, line: &str) -> (&'static str, Option<Deferred<Closed>>) {
        ("open", (line == "close").then(|| Deferred::succeed(Closed)))
    }
}

impl House {
    fn key(&self) -> Resolver<(&'static str, Open)> {
        self.key.take().expect("it is looked for")
    }
}

#[test]
fn a_state_may_come_later() {
    let server = Server::new(House::default());
    let client = server.connect();
    client.receive("open\r\n");
    let key = server.factory().key();
    fire(&server, &key, ("open now", Open));
    assert_eq!(client.receive("close\r\n").sent(), "open now\r\nopen\r\n");
    client.receive("open\r\n");
    assert!(server.factory().key.take().is_some(), "it is closed, so the key is looked for again");
}

#[test]
fn what_comes_before_the_state_is_handled_in_the_old_one() {
    let server = Server::new(House::default());
    let client = server.connect();
    client.receive("open\r\nlook\r\n");
    let key = server.factory().key();
    fire(&server, &key, ("open now", Open));
    assert_eq!(client.receive("look\r\n").sent(), "open now\r\nclosed\r\nopen\r\n");
}

#[test]
fn a_state_is_there_for_the_next_frame_however_the_bytes_are_cut() {
    let whole = Server::new(House::default()).connect();
    let cut = Server::new(House::default()).connect();
    whole.receive("open\r\nturn\r\nlook\r\n");
    cut.receive("open\r\n").receive("turn\r\n").receive("look\r\n");
    assert_eq!(whole.sent(), "open now\r\nit turns\r\nopen\r\n");
    assert_eq!(cut.sent(), whole.sent());
}

/// One request at a time, so each is handled in the state that the one before has led to.
#[factory(protocol = Menu)]
#[derive(Default)]
struct Menus {
    chosen: Vec<Resolver<&'static str>>,
}

#[protocol(line, factory = Menus, max_pending_replies = 1)]
#[derive(Default)]
struct Menu;

#[derive(Default)]
struct Top;
struct Files;

#[state_machine(Top, Files)]
impl Menu {
    #[on(line in Top)]
    fn choose(&mut self, cx: &Context<Self>, _line: &str) -> Later<Files> {
        let (resolver, chosen) = Deferred::new();
        cx.factory_mut().chosen.push(resolver);
        chosen.map(|reply| (reply, Files))
    }

    #[on(line in Files)]
    fn look(&mut self, _line: &str) -> &'static str {
        "in files"
    }
}

#[test]
fn one_promised_reply_at_a_time_has_each_frame_wait_for_its_state() {
    let server = Server::new(Menus::default());
    let client = server.connect();
    client.receive("files\r\nlook\r\n");
    assert_eq!(client.unread(), b"look\r\n");
    let chosen = server.factory_mut().chosen.remove(0);
    fire(&server, &chosen, "files now");
    assert_eq!(client.sent(), "files now\r\nin files\r\n");
    assert!(server.factory().chosen.is_empty());
}
