use twisty::prelude::*;

#[protocol(line)]
struct Chat;

#[derive(Default)]
struct A;
struct B;

#[state_machine(A, B)]
impl Chat {
    #[on(line in A)]
    fn first(&mut self) -> (B, A) {
        (B, A)
    }

    #[on(line in B)]
    fn second(&mut self) -> Result<(&'static str, A, B), Failure> {
        Ok(("", A, B))
    }
}

fn main() {}
