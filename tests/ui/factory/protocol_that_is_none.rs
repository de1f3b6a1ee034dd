use twisty::prelude::*;

#[factory(protocol = Echo)]
struct Site;

struct Echo;

fn main() {}
