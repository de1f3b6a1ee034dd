use twisty::prelude::*;

fn main() {
    let _ = chain! {
        "5";
        then |text| text.chars().next()?;
    };
}
