use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct A;
struct B;

#[state_machine(A, B)]
impl Chat {
    #[on(line in A)]
    fn first(&mut self, _state: A) -> Result<B, (&'static str, B)> {
        Ok(B)
    }

    #[on(line in B)]
    fn second(&mut self, _state: B) -> Result<A, &'static str> {
        Ok(A)
    }
}

fn main() {}
