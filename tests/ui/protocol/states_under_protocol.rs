use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct A;
struct B;

#[protocol]
impl Chat {
    #[on(line in A)]
    fn first(&mut self, _state: &A, _line: &str) -> B {
        B
    }

    #[on(line in B, to = A)]
    fn second(&mut self, _state: B) {}
}

fn main() {}
