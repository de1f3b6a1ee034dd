use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct Asking;
struct Busy;
struct Basy;

#[state_machine(Asking, Busy, Basy)]
impl Chat {
    #[on(line in Asking)]
    fn first(&mut self) -> Basy {
        Basy
    }

    #[on(line in Basy)]
    fn second(&mut self, _state: &Basy) -> Busy {
        Busy
    }

    // Meant is the other one of the two near ones, as its argument says.
    #[on(line in Bsy)]
    fn third(&mut self, _state: &Busy, line: String) -> String {
        line
    }
}

fn main() {}
