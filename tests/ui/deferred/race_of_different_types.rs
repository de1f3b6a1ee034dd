use twisty::prelude::*;

fn main() {
    let _ = race!(1_u8, "two");
    let _ = race! {
        n = 1_u8 => n,
        text = "two" => text,
    };
}
