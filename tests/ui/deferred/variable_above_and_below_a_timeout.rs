use twisty::prelude::*;

fn main() {
    let name = String::from("Ann");
    let _ = chain! {
        5;
        then |_| println!("{name}");
        timeout 5s;
        then |_| println!("{name}");
    };
}
