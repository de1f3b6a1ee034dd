use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct A;
struct B;

#[state_machine(A, B)]
impl Chat {
    #[on(line in A)]
    fn first(&mut self) -> B {
        B
    }

    #[on(line in b)]
    fn second(&mut self, _state: &B, line: String) -> String {
        line
    }
}

fn main() {}
