struct Echo;

fn main() {
    twisty::testing::DatagramServer::new(Echo);
}
