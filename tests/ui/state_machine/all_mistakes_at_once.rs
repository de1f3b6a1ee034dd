use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct GetName;
struct Chatting;
struct Muted;

#[state_machine(GetName, Chatting, Muted)]
impl Chat {
    #[on(conect)]
    fn hello(&self) -> &'static str {
        "Your name?"
    }

    #[on(line in GetNam)]
    async fn get_name(&mut self, _name: &str, _cx: &mut Context<Self>) -> Chatting {
        Chatting
    }

    #[on(timeout(30) in GetName)]
    fn hurry(self) {}
}

fn main() {}
