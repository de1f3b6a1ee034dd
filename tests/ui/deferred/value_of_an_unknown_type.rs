use twisty::prelude::*;

fn main() {
    let _ = chain! {
        "5";
        then |text| Ok(text.parse()?);
        then |n: u8| n + 1;
    };
}
