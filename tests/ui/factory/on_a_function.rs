use twisty::prelude::*;

#[factory(protocol = Echo)]
fn site() {}

fn main() {}
