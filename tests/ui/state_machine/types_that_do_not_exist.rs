use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct GetName;

#[state_machine(GetName, Chatting)]
impl Chat {
    #[on(line in GetName)]
    fn get_name(&mut self, name: String) -> (String, Chatting) {
        (name, Chatting)
    }

    #[on(line in Chatting)]
    fn say(&mut self, line: Sentence) {}
}

fn main() {}
