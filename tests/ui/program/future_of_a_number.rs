//! A future's output is what a callback may return; a plain value is none.

fn main() -> twisty::Result<()> {
    twisty::run(|_reactor| async { 42 })
}
