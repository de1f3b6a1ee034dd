use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct GetName;
struct Chatting;

#[state_machine(GetName, Chatting)]
impl Chat {
    #[on(line in GetName)]
    fn get_name(&mut self) -> Chatting {
        Chatting
    }

    #[on(line in Chatting)]
    fn say(&mut self, line: String) -> String {
        line
    }

    #[on(disconnect, in Chatting)]
    fn leave(&mut self) {}
}

fn main() {}
