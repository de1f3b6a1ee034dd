use twisty::prelude::*;

mod chat {
    use twisty::prelude::*;

    #[protocol(line)]
    #[derive(Default)]
    pub struct Chat;

    #[protocol]
    impl Chat {
        #[on(line)]
        fn say(&mut self, line: String) -> String {
            line
        }
    }
}

#[factory(protocol = chat::Chat)]
struct Room;

#[factory(protocol = chat::Chat, build = Self::build)]
struct House;

impl House {
    fn build(&mut self, _peer: &twisty::Address) -> chat::Chat {
        chat::Chat
    }
}

fn main() {}
