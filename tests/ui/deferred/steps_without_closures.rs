use twisty::prelude::*;

fn show(n: u8) {
    println!("{n}");
}

fn main() {
    let _ = chain! {
        5;
        then show;
        catch;
        finally println!("over");
    };
}
