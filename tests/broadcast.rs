//! Broadcasts: each member gets every byte that was sent to it, in order, whatever the others do.

#[path = "broadcast/faults.rs"]
mod faults;
#[path = "broadcast/order.rs"]
mod order;
#[path = "broadcast/sockets.rs"]
mod sockets;

use twisty::broadcast;
use twisty::prelude::*;

/// What `large` says: too much to be copied for each.
const LARGE: usize = 5000;

#[factory(protocol = Member)]
#[derive(Default)]
struct Room {
    members: Vec<Transport<Line>>,
}

/// Does what a line says: a word for how, and what to send.
#[protocol(line, delimiter = b"\n", factory = Room)]
#[derive(Default)]
struct Member;

#[protocol]
impl Member {
    #[on(connect)]
    fn enter(&mut self, cx: &Context<Self>) {
        cx.factory_mut().members.push(cx.transport());
    }

    #[on(line)]
    fn say(&mut self, cx: &Context<Self>, line: &str) -> Option<String> {
        let (how, text) = line.split_once(' ').unwrap_or((line, ""));
        let members = &cx.factory().members;
        match how {
            "all" => broadcast(members, text),
            "others" => broadcast(members.iter().filter(|member| **member != cx.transport()), text),
            "large" => broadcast(members, text.repeat(LARGE)),
            "first" => members[0].send(text),
            "reply" => return Some(text.to_owned()),
            "abort" => members[1].abort_connection(),
            "close" => members[2].lose_connection(),
            "panic" => broadcast(members.iter().inspect(|member| assert!(**member != members[2], "{text}")), text),
            _ => panic!("{how:?} is not foreseen"),
        }
        None
    }
}
