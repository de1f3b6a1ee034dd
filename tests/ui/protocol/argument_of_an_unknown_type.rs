use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, address: std::net::IpAddr) -> String {
        address.to_string()
    }
}

fn main() {}
