//! The error of a program is a `Failure`, so that `?` is enough.

async fn read(_reactor: twisty::Reactor) -> std::io::Result<String> {
    std::fs::read_to_string("poem.txt")
}

fn main() -> twisty::Result<()> {
    twisty::run(read)
}
