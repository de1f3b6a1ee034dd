//! A chat server: pick a name, then every line goes to everyone else.
//!
//! Run: `cargo run --example chat`      Try, in two other terminals: `nc -C localhost 8123`
use std::collections::HashMap;
use twisty::prelude::*;

/// Who is here, shared by all connections.
#[factory(protocol = Chat)]
#[derive(Default)]
struct Room {
    users: HashMap<String, Transport<Line>>,
}

#[protocol(line, factory = Room)]
#[derive(Default)]
struct Chat;

/// The states are plain types; what a state knows lives in it.
#[derive(Default)]
struct GetName;
struct Chatting {
    name: String,
}

#[state_machine(GetName, Chatting)] // the first one is where a connection starts
impl Chat {
    #[on(connect)]
    fn ask(&mut self) -> &'static str {
        "What's your name?"
    }

    #[on(line in GetName)]
    fn get_name(&mut self, cx: &Context<Self>, name: String) -> Result<(String, Chatting), &'static str> {
        let mut room = cx.factory_mut();
        if room.users.contains_key(&name) {
            return Err("Name taken, please choose another."); // sent; the state stays
        }
        room.users.insert(name.clone(), cx.transport());
        Ok((format!("Welcome, {name}!"), Chatting { name })) // sent, then the next state
    }

    #[on(line in Chatting)]
    fn say(&mut self, cx: &Context<Self>, me: &Chatting, message: &str) {
        let line = format!("<{}> {message}", me.name);
        let room = cx.factory();
        twisty::broadcast(room.users.iter().filter(|(name, _)| **name != me.name).map(|(_, user)| user), line);
    }

    #[on(disconnect in Chatting)]
    fn leave(&mut self, cx: &Context<Self>, me: &Chatting) {
        cx.factory_mut().users.remove(&me.name);
    }
}

pub(crate) fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:8123".into());
    twisty::serve(&endpoint, Room::default())
}

#[cfg(test)]
#[path = "chat_test.rs"]
mod tests;
