use twisty::prelude::*;

#[factory]
struct Site;

fn main() {}
