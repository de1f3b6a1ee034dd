use twisty::prelude::*;

#[on(connect)]
fn hello() {}

fn main() {}
