use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }


    #[on(timeout)]
    fn hurry(&mut self) {}

    #[on(timeout("30s"))]
    fn hurry_more(&mut self) {}
}

fn main() {}
