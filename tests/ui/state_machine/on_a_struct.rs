use twisty::prelude::*;

#[state_machine(GetName)]
struct Chat;

fn main() {}
