//! Several Deferreds at once: what the vectors do not say.

use std::cell::RefCell;
use std::rc::Rc;

use twisty::deferred::{FirstSuccess, Gather};
use twisty::failure::Passage;
use twisty::testing::UnhandledFailures;
use twisty::{
    CancelledError, ConnectionDone, Deferred, DeferredList, Failure, FailureGroup, FirstError, Resolver,
    ResolverDropped, gather, race,
};

const DEEP: usize = 100_000;

fn several<T>(n: usize) -> (Vec<Resolver<T>>, Vec<Deferred<T>>) {
    (0..n).map(|_| Deferred::new()).unzip()
}

/// The members that were cancelled, in that order.
type Cancelled = Rc<RefCell<Vec<usize>>>;

/// Members that note their index when they are cancelled.
fn cancellable(n: usize) -> (Cancelled, Vec<Resolver<u32>>, Vec<Deferred<u32>>) {
    let cancelled = Cancelled::default();
    let member = |index| {
        let cancelled = Rc::clone(&cancelled);
        Deferred::with_canceller(move |_| cancelled.borrow_mut().push(index))
    };
    let (resolvers, members) = (0..n).map(member).unzip();
    (cancelled, resolvers, members)
}

fn result<T>(deferred: Deferred<T>) -> Result<T, Failure> {
    deferred.into_result().expect("it has fired")
}

fn value<T>(deferred: Deferred<T>) -> T {
    result(deferred).expect("it succeeded")
}

fn failure<T>(deferred: Deferred<T>) -> Failure {
    result(deferred).err().expect("it failed")
}

#[test]
fn failures_in_a_result_are_the_owners() {
    let _none = UnhandledFailures::forbid();
    drop(value(DeferredList::new([Deferred::<u32>::fail(ConnectionDone)]).all()));
    drop(value(DeferredList::new([Deferred::<u32>::fail(ConnectionDone)]).first()));
}

#[test]
fn a_late_failure_is_reported_and_knows_the_list() {
    let unhandled = UnhandledFailures::forbid();
    let (resolvers, members) = several::<u32>(3);
    let line = line!() + 1;
    let list = gather(members);
    for resolver in &resolvers {
        resolver.errback(ConnectionDone);
    }
    let error = failure(list).trap::<FirstError>().expect("it is the first");
    assert_eq!(error.index, 0);
    let late = unhandled.take();
    assert_eq!(late.len(), 2);
    let names_the_list = |passage: &Passage| matches!(passage, Passage::Callback(added) if added.line() == line);
    assert!(late.iter().all(|failure| failure.trail().last().is_some_and(names_the_list)));
}

#[test]
fn a_late_failure_is_consumed_if_that_is_wished() {
    let _none = UnhandledFailures::forbid();
    let (resolvers, members) = several::<u32>(2);
    let first = DeferredList::new(members).consume_errors().first();
    resolvers[1].callback(7);
    resolvers[0].errback(ConnectionDone);
    assert!(matches!(value(first), FirstSuccess::First { index: 1, value: 7 }));
}

#[test]
fn a_tuple_reports_late_failures_too() {
    let unhandled = UnhandledFailures::forbid();
    let (resolver, slow) = Deferred::<u32>::new();
    let both = (slow, Deferred::<String>::fail(ConnectionDone), Ok(1)).gather();
    resolver.errback(CancelledError);
    assert_eq!(failure(both).check::<FirstError>().map(|error| error.index), Some(1));
    assert!(unhandled.take()[0].check::<CancelledError>().is_some());
}

#[test]
fn twelve_types_at_once() {
    let (resolver, last) = Deferred::new();
    let all = (
        Ok(1_u8),
        Ok(2_u16),
        Ok(3_u32),
        Ok(4_u64),
        Ok(5_i8),
        Ok(6_i16),
        Ok(7_i32),
        Ok(8_i64),
        Ok('9'),
        Ok("10"),
        (),
        last,
    );
    let all = all.gather();
    assert!(!all.is_called());
    resolver.callback(String::from("12"));
    assert_eq!(value(all).11, "12");
}

#[test]
fn cancelling_a_tuple_cancels_its_members_in_order() {
    let (cancelled, _resolvers, members) = cancellable(3);
    let [a, b, c] = members.try_into().expect("there are three");
    let unhandled = UnhandledFailures::forbid();
    let all = (a, Ok(()), b, c).gather();
    all.cancel();
    assert_eq!(*cancelled.borrow(), [0, 1, 2]);
    let error = failure(all).trap::<FirstError>().expect("a member failed");
    assert!(error.index == 0 && error.failure.check::<CancelledError>().is_some());
    assert_eq!(unhandled.take().len(), 2);
}

#[test]
fn a_canceller_that_panics_does_not_keep_the_others() {
    let (cancelled, resolvers, mut members) = cancellable(2);
    let (_resolver, bad) = Deferred::with_canceller(|_: &Resolver<u32>| panic!("never mind"));
    members.insert(1, bad);
    let list = DeferredList::new(members).all();
    list.cancel();
    assert_eq!(*cancelled.borrow(), [0, 1]);
    let results = value(list);
    let messages: Vec<String> = results.into_iter().map(|result| result.unwrap_err().to_string()).collect();
    assert!(messages[1].contains("never mind"), "{messages:?}");
    drop(resolvers);
}

#[test]
fn cancelling_what_has_fired_leaves_the_members_alone() {
    let (cancelled, resolvers, members) = cancellable(2);
    let first = DeferredList::new(members).first();
    resolvers[1].callback(1);
    first.cancel();
    assert!(cancelled.borrow().is_empty());
    resolvers[0].callback(0);
    assert!(matches!(value(first), FirstSuccess::First { index: 1, .. }));
}

#[test]
fn a_fired_list_that_waits_passes_cancel_on() {
    let (cancelled, _resolvers, mut members) = cancellable(1);
    let inner = members.remove(0);
    let list = DeferredList::new([Deferred::succeed(1)]).all().add_callback(|_results| inner);
    list.cancel();
    assert_eq!(*cancelled.borrow(), [0]);
    assert!(failure(list).check::<CancelledError>().is_some());
}

#[test]
fn a_race_cancels_the_losers_before_it_fires() {
    let _none = UnhandledFailures::forbid();
    let (cancelled, resolvers, members) = cancellable(4);
    let seen = Rc::clone(&cancelled);
    let winner = race(members).map(move |winner| (winner, seen.borrow().clone()));
    resolvers[2].callback(7);
    assert_eq!(value(winner), ((2, 7), vec![0, 1, 3]));
}

#[test]
fn a_race_won_before_it_began_cancels_those_in_front_too() {
    let _none = UnhandledFailures::forbid();
    let (cancelled, _resolvers, mut members) = cancellable(3);
    members.insert(1, Deferred::succeed(7));
    members.push(Deferred::fail(ConnectionDone));
    assert_eq!(value(race(members)), (1, 7));
    assert_eq!(*cancelled.borrow(), [0, 1, 2]);
}

/// The first loser's canceller fires the second one, which comes too late.
#[test]
fn a_loser_cannot_win_while_it_is_cancelled() {
    let _none = UnhandledFailures::forbid();
    let (resolver, second) = Deferred::new();
    let (_first_resolver, first) = Deferred::with_canceller(move |it| {
        resolver.callback(2);
        it.callback(1);
    });
    let (winner, third) = Deferred::new();
    let race = race([first, second, third]);
    winner.callback(3);
    assert_eq!(value(race), (2, 3));
}

#[test]
fn a_race_that_cannot_be_stopped_is_cancelled_all_the_same() {
    let _none = UnhandledFailures::forbid();
    let (resolver, mut member) = Deferred::<u32>::new();
    let paused = member.pause();
    resolver.callback(1);
    let race = race([member]);
    race.cancel();
    assert!(failure(race).check::<CancelledError>().is_some());
    paused.unpause();
}

#[test]
fn a_race_of_none_says_why_it_is_lost() {
    let none: [Deferred<u32>; 0] = [];
    let failure = failure(race(none));
    assert_eq!(failure.to_string(), "no Deferred could succeed, since there was none");
    assert!(failure.check::<FailureGroup>().is_some_and(|group| group.failures.is_empty()));
}

#[test]
fn errors_say_what_is_inside() {
    let members = (0..10).map(|n| Deferred::<u32>::fail(Failure::message(format!("boom {n}"))));
    let group = failure(race(members));
    let text = group.to_string();
    assert!(text.starts_with("all 10 Deferreds failed: [0] boom 0; [1] boom 1;"), "{text}");
    assert!(text.ends_with("; [7] boom 7; and 2 more"), "{text}");
    assert_eq!(group.error().source().map(ToString::to_string).as_deref(), Some("boom 0"));
    let first = failure(gather([Deferred::<u32>::fail(ConnectionDone)]));
    assert!(first.error().source().is_some_and(|source| source.is::<ConnectionDone>()));
}

#[test]
fn a_member_whose_resolver_goes_fails() {
    let (resolvers, members) = several::<u32>(2);
    let list = DeferredList::new(members).all();
    drop(resolvers);
    assert!(value(list).into_iter().all(|result| result.unwrap_err().check::<ResolverDropped>().is_some()));
}

#[test]
fn many_members() {
    const MANY: usize = 100_000;
    let (resolvers, members) = several(MANY);
    let sum = gather(members).map(|values| values.into_iter().sum::<usize>());
    for (index, resolver) in resolvers.iter().enumerate().rev() {
        resolver.callback(index);
    }
    assert_eq!(value(sum), MANY * (MANY - 1) / 2);
    let (resolvers, members) = several(MANY);
    let race = race(members);
    resolvers[MANY / 2].callback(1);
    assert_eq!(value(race), (MANY / 2, 1));
}

/// Each level fires the next from inside, which must not be felt on the stack.
#[test]
fn deeply_nested_lists() {
    let (resolver, mut nest) = Deferred::new();
    for _ in 0..DEEP {
        nest = gather([nest]).map(|values| values[0]);
    }
    resolver.callback(7);
    assert_eq!(value(nest), 7);
    let (resolver, mut nest) = Deferred::<u32>::new();
    for _ in 0..DEEP {
        nest = race([nest]).map(|(_, value)| value);
    }
    drop(nest);
    resolver.callback(7);
}

/// In whatever order members, resolvers and the list go, every value goes too.
#[test]
fn nothing_leaks() {
    let _none = UnhandledFailures::forbid();
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let value = Rc::new(());
        let (mut resolvers, members) = several::<Rc<()>>(random.usize(0..6));
        let mut list = Some(collected(&mut random, members));
        random.shuffle(&mut resolvers);
        for resolver in resolvers {
            if random.u8(..) < 60 {
                list = None;
            }
            if let (Some(list), true) = (&list, random.u8(..) < 40) {
                list.cancel();
            }
            match random.u8(..3) {
                0 => drop(resolver),
                1 => drop(resolver.try_errback(ConnectionDone)),
                _ => drop(resolver.try_callback(Rc::clone(&value))),
            }
        }
        drop(list);
        assert_eq!(Rc::strong_count(&value), 1, "seed {seed}");
    }
}

/// One of the ways to wait for all these.
fn collected(random: &mut fastrand::Rng, members: Vec<Deferred<Rc<()>>>) -> Deferred<()> {
    let over = |result: Result<_, Failure>| drop(result);
    match random.u8(..4) {
        0 => DeferredList::new(members).consume_errors().all().map(drop),
        1 => DeferredList::new(members).consume_errors().fire_on_one_errback().all().map(drop).add_both(over),
        2 => DeferredList::new(members).consume_errors().first().map(drop),
        _ => race(members).map(drop).add_both(over),
    }
}

/// Cancelling goes down in a loop, too.
#[test]
fn cancelling_deeply_nested_lists() {
    let (_resolver, member) = Deferred::<u32>::new();
    let mut nest = DeferredList::new([member]).all().map(|results| results.len());
    for depth in 1..DEEP {
        nest = match depth % 3 {
            0 => race([nest]).map(|(index, _)| index).add_errback(|_| Ok(0)),
            1 => gather([nest]).map(|values| values.len()).add_errback(|_| Ok(0)),
            _ => (nest, ()).gather().map(|(value, ())| value).add_errback(|_| Ok(0)),
        };
    }
    nest.cancel();
    assert_eq!(value(nest), 0);
}
