use twisty::prelude::*;

#[protocol(line)]
#[derive(Default)]
pub struct Adder;

#[derive(Default)]
struct GetName;
struct Adding {
    name: String,
    sum: u64,
}

#[state_machine(GetName, Adding)]
impl Adder {
    #[on(connect)]
    fn ask(&mut self) -> &'static str {
        "What's your name?"
    }

    #[on(line in GetName)]
    fn get_name(&mut self, name: String) -> (String, Adding) {
        (format!("Welcome, {name}!"), Adding { name, sum: 0 })
    }

    #[on(line in Adding)]
    fn add(&mut self, me: &mut Adding, number: u32) -> String {
        me.sum += u64::from(number);
        format!("{} has {}", me.name, me.sum)
    }
}

pub fn listen(reactor: &Reactor) -> twisty::Result<()> {
    reactor.listen("tcp:0", Adder::factory())?;
    Ok(())
}
