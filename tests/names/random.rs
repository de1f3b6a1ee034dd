//! Whatever the addresses and their fates, it goes as in a model without Deferreds or timers.

use std::net::SocketAddr;
use std::time::Duration;

use twisty::names::HappyEyeballs;
use twisty::testing::UnhandledFailures;
use twisty::{ConnectError, Failure};

use crate::{Answers, BlackHole, Fate, Network, Refuses, v4, v6};

const DELAY: Duration = Duration::from_millis(250);

/// What happened: when each attempt began, when it was over, and with which address or how many failed attempts.
#[derive(Debug, PartialEq, Eq)]
struct Course {
    begun: Vec<(u64, SocketAddr)>,
    over: u64,
    end: Result<SocketAddr, usize>,
}

fn fates(numbers: &mut fastrand::Rng) -> Vec<(SocketAddr, Fate)> {
    // No two things at the same time: those have no order that matters.
    let delay = |numbers: &mut fastrand::Rng| Duration::from_nanos(numbers.u64(1..1_000_000_000));
    let fate = |numbers: &mut fastrand::Rng| match numbers.u8(0..10) {
        0 => Answers(Duration::ZERO),
        1 | 2 => Refuses(Duration::ZERO),
        3 => Answers(delay(numbers)),
        4..7 => Refuses(delay(numbers)),
        _ => BlackHole,
    };
    let count = numbers.u8(0..12);
    let address = |number, numbers: &mut fastrand::Rng| if numbers.bool() { v4(number) } else { v6(number) };
    (0..count).map(|number| (address(number, numbers), fate(numbers))).collect()
}

/// Takes an address of the wanted family as long as there is one.
fn in_turns(mut left: Vec<(SocketAddr, Fate)>) -> Vec<(SocketAddr, Fate)> {
    let mut order: Vec<(SocketAddr, Fate)> = Vec::new();
    while !left.is_empty() {
        let wanted = order.last().is_none_or(|(last, _)| last.is_ipv4());
        let at = if order.is_empty() { None } else { left.iter().position(|(it, _)| it.is_ipv6() == wanted) };
        order.push(left.remove(at.unwrap_or(0)));
    }
    order
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("a short test")
}

/// From one thing that happens to the next.
fn model(order: &[(SocketAddr, Fate)], timeout: Duration) -> Course {
    let (mut begun, mut going_on, mut now) = (Vec::new(), Vec::<(Duration, SocketAddr, bool)>::new(), Duration::ZERO);
    let mut next_at = Duration::ZERO;
    let over = |begun, now, end| Course { begun, over: nanoseconds(now), end };
    loop {
        let next = order.get(begun.len()).map(|it| (next_at, *it));
        let first = going_on.iter().copied().min_by_key(|(at, ..)| *at);
        let end_at = first.map_or(Duration::MAX, |(at, ..)| at);
        match next {
            None if going_on.is_empty() && !begun.iter().any(|(_, it)| is_black_hole(order, *it)) => {
                let failed = begun.len();
                return over(begun, now, Err(failed));
            }
            Some((at, (address, fate))) if at <= end_at && at < timeout => {
                now = at;
                begun.push((nanoseconds(now), address));
                next_at = now + DELAY;
                match fate {
                    Answers(Duration::ZERO) => return over(begun, now, Ok(address)),
                    Refuses(Duration::ZERO) => next_at = now,
                    Answers(after) => going_on.push((now + after, address, true)),
                    Refuses(after) => going_on.push((now + after, address, false)),
                    BlackHole => {}
                }
            }
            _ if end_at < timeout => {
                let (at, address, answers) = first.expect("it ends");
                now = at;
                if answers {
                    return over(begun, now, Ok(address));
                }
                going_on.retain(|(_, it, _)| *it != address);
                next_at = now;
            }
            _ => {
                let failed = begun.len();
                return over(begun, timeout, Err(failed));
            }
        }
    }
}

fn is_black_hole(order: &[(SocketAddr, Fate)], address: SocketAddr) -> bool {
    order.contains(&(address, BlackHole))
}

fn end(result: Result<SocketAddr, Failure>) -> Result<SocketAddr, usize> {
    result.map_err(|failure| failure.trap::<ConnectError>().expect("nothing else").attempts.len())
}

#[test]
fn goes_as_in_the_model() {
    let _none = UnhandledFailures::forbid();
    for seed in 0..2_000 {
        let mut numbers = fastrand::Rng::with_seed(seed);
        let fates = fates(&mut numbers);
        let timeout = Duration::from_nanos(numbers.u64(1_000_000..4_000_000_000));
        let network = Network::new();
        let connected = network.connect(HappyEyeballs::new().timeout(timeout), &fates);
        network.run(&connected);
        let over = network.now();
        let end = end(connected.into_result().expect("it is over"));
        let course = Course { begun: network.begun.take(), over, end };
        assert_eq!(course, model(&in_turns(fates), timeout), "seed {seed}");
        assert_eq!(network.clock.delayed_calls(), [], "seed {seed}");
    }
}
