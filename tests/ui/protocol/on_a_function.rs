use twisty::prelude::*;

#[protocol(line)]
fn echo() {}

fn main() {}
