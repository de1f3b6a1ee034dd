//! Downloads poems from several servers at once, each within five seconds.
//!
//! Run: `cargo run --example poetry_client -- tcp:127.0.0.1:10001 tcp:127.0.0.1:10002`
use twisty::prelude::*;

/// Gathers what the server sends until it hangs up; then the poem is complete.
#[protocol(raw)]
struct PoemReceiver {
    text: Vec<u8>,
    poem: Resolver<String>,
}

#[protocol]
impl PoemReceiver {
    #[on(data)]
    fn append(&mut self, data: &[u8]) {
        self.text.extend_from_slice(data);
    }

    #[on(disconnect)]
    fn finish(&mut self, reason: Failure) {
        match reason.trap::<ConnectionDone>() {
            Ok(_) => self.poem.callback(String::from_utf8_lossy(&self.text).into_owned()),
            Err(failure) => self.poem.errback(failure),
        }
    }
}

/// A promise of the poem served at `endpoint`.
fn get_poem(reactor: &Reactor, endpoint: &str) -> Deferred<String> {
    let (resolver, poem) = Deferred::new();
    let receiver = PoemReceiver { text: Vec::new(), poem: resolver };
    reactor.connect_protocol(endpoint, receiver).add_callback(|_connected| poem)
}

fn main() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let downloads = std::env::args().skip(1).map(|endpoint| {
            chain! {
                get_poem(reactor, &endpoint);
                timeout 5s;
                then |poem| println!("{poem}");
                catch |why: TimeoutError| eprintln!("{endpoint} is too slow: {why}");
                catch |why| eprintln!("no poem from {endpoint}: {why}");
            }
        });
        gather(downloads)
    })
}

#[cfg(test)]
#[path = "poetry_client_test.rs"]
mod tests;
