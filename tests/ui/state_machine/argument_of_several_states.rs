use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct GetName;
struct Chatting;

#[state_machine(GetName, Chatting)]
impl Chat {
    #[on(line in GetName | Chatting)]
    fn get_name(&mut self, _me: &Chatting) -> Chatting {
        Chatting
    }
}

fn main() {}
