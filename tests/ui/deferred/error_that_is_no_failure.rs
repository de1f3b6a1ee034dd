use twisty::prelude::*;

fn parse(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn main() {
    let _ = chain! {
        "5";
        then |text| parse(text);
    };
}
