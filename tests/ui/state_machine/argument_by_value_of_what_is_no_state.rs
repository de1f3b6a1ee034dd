use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct GetName;
struct Chatting;
struct Muted;

#[state_machine(GetName, Chatting)]
impl Chat {
    #[on(line in GetName)]
    fn get_name(&mut self) -> Chatting {
        Chatting
    }

    #[on(line in Chatting)]
    fn say(&mut self, _me: &mut Muted, line: String) -> String {
        line
    }
}

fn main() {}
