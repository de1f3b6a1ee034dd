//! The error of a program is a `Failure`, so that `?` is enough.

async fn read() -> std::io::Result<String> {
    std::fs::read_to_string("poem.txt")
}

fn main() -> twisty::Result<()> {
    twisty::run(|_reactor| read())
}
