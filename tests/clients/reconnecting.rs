//! Connecting again by itself.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use twisty::prelude::*;
use twisty::protocol::{Backoff, ConnectorState};

use crate::{Log, Probe, listener, nowhere, turn_until, wait_for};

/// So short that tests need not wait.
const SHORT: Backoff =
    Backoff::new().initial(Duration::from_millis(2)).max(Duration::from_millis(20)).factor(2.0).jitter(0.0);

fn count(log: &Log, what: &str) -> usize {
    log.borrow().iter().filter(|noted| noted.starts_with(what)).count()
}

#[test]
fn a_server_is_killed_and_comes_back() -> twisty::Result<()> {
    let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let address = server.local_addr()?;
    let connector = reactor.connect(&endpoint, Probe { backoff: Some(SHORT), ..Probe::new(&log) })?;
    turn_until(&reactor, || count(&log, "made") == 1);
    drop((server.accept()?, server));
    turn_until(&reactor, || count(&log, "failed: connection refused") >= 3);
    assert_eq!(count(&log, "lost"), 1);
    let _server = listen_again(address)?;
    turn_until(&reactor, || count(&log, "made") == 2);
    assert_eq!((count(&log, "start"), count(&log, "stop")), (1 + count(&log, "started"), 0));
    assert_eq!(connector.state(), ConnectorState::Connected);

    connector.stop_trying();
    assert_eq!(connector.state(), ConnectorState::Connected);
    connector.disconnect();
    wait_for(&reactor, &log, "stop");
    assert_eq!(count(&log, "lost"), 2);
    Ok(())
}

fn listen_again(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address)
}

#[test]
fn it_gives_up_after_so_many() -> twisty::Result<()> {
    let (reactor, log) = (Reactor::new()?, Log::default());
    reactor.connect(nowhere(), Probe { backoff: Some(SHORT.retries(3)), ..Probe::new(&log) })?;
    wait_for(&reactor, &log, "stop");
    assert_eq!(count(&log, "failed"), 4);
    Ok(())
}

#[test]
fn a_connection_that_lasts_starts_all_over() -> twisty::Result<()> {
    for (reset_after, losses) in [(Duration::ZERO, 5), (Duration::from_secs(3600), 2)] {
        let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
        let backoff = SHORT.retries(1).reset_after(reset_after);
        let connector = reactor.connect(&endpoint, Probe { backoff: Some(backoff), ..Probe::new(&log) })?;
        for made in 1..=losses {
            turn_until(&reactor, || count(&log, "made") == made);
            drop(server.accept()?);
            turn_until(&reactor, || count(&log, "lost") == made);
        }
        let goes_on = reset_after.is_zero();
        turn_until(&reactor, || count(&log, if goes_on { "made" } else { "stop" }) > if goes_on { losses } else { 0 });
        assert_eq!(connector.state() == ConnectorState::Connected, goes_on);
    }
    Ok(())
}

#[test]
fn the_delays_are_reset_by_hand() -> twisty::Result<()> {
    let (reactor, log) = (Reactor::new()?, Log::default());
    let begin: fn(&Connector) = |connector| connector.reset_delay();
    let backoff = Some(SHORT.retries(1));
    let connector = reactor.connect(nowhere(), Probe { backoff, begin, ..Probe::new(&log) })?;
    turn_until(&reactor, || count(&log, "failed") >= 5);
    connector.stop_trying();
    wait_for(&reactor, &log, "stop");
    Ok(())
}

#[test]
fn waiting_is_given_up() -> twisty::Result<()> {
    let (reactor, log) = (Reactor::new()?, Log::default());
    let backoff = Some(Backoff::new().initial(Duration::from_secs(3600)));
    let connector = reactor.connect(nowhere(), Probe { backoff, ..Probe::new(&log) })?;
    turn_until(&reactor, || count(&log, "failed") == 1);
    assert_eq!((connector.state(), count(&log, "stop")), (ConnectorState::Disconnected, 0));
    connector.connect()?; // at once, and not in an hour
    turn_until(&reactor, || count(&log, "failed") == 2);
    connector.stop_trying();
    wait_for(&reactor, &log, "stop");

    let log = Log::default();
    reactor.connect(nowhere(), Probe { backoff, ..Probe::new(&log) })?;
    turn_until(&reactor, || count(&log, "failed") == 1);
    reactor.call_when_running(|reactor| reactor.stop().expect("it runs"));
    reactor.run()?;
    assert_eq!(log.borrow().last().map(String::as_str), Some("stop"));
    Ok(())
}

#[test]
fn a_protocol_that_panics_is_connected_again() -> twisty::Result<()> {
    let (reactor, log, (_server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let build = |log: &Log| {
        let lost = || panic!("in the end too");
        Some(crate::Caller { log: std::rc::Rc::clone(log), made: |_| panic!("no"), lost })
    };
    reactor.connect(&endpoint, Probe { build, backoff: Some(SHORT.retries(2)), ..Probe::new(&log) })?;
    wait_for(&reactor, &log, "stop");
    assert_eq!((count(&log, "disconnect"), count(&log, "lost")), (3, 3));
    Ok(())
}

#[factory(protocol = Ringer, connecting = Self::note, failed = Self::failed, reconnect(initial = 1ms, jitter = 0, retries = 2))]
struct Phone {
    log: Log,
}

impl Phone {
    fn note(&mut self, connector: &Connector) {
        self.log.borrow_mut().push(connector.destination());
    }

    fn failed(&mut self, _connector: &Connector, _reason: &Failure) {
        self.log.borrow_mut().push("failed".into());
    }
}

#[protocol(line, factory = Phone)]
#[derive(Default)]
struct Ringer;

#[protocol]
impl Ringer {
    #[on(line)]
    fn hear(&mut self) {}
}

#[test]
fn an_annotated_factory_does_so_too() -> twisty::Result<()> {
    let (reactor, log, endpoint) = (Reactor::new()?, Log::default(), nowhere());
    reactor.connect(&endpoint, Phone { log: Log::clone(&log) })?;
    turn_until(&reactor, || count(&log, "failed") == 3);
    assert_eq!(count(&log, &endpoint), 3);
    Ok(())
}
