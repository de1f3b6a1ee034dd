//! Later, every so often, and elsewhere. (Howtos: Scheduling tasks for the future, Using threads.)
use std::sync::mpsc;

use twisty::prelude::*;
use twisty::task::{LoopingCall, defer_later};

use crate::SECOND;

/// What was to be called later need not be.
pub(crate) fn cancelled_call(reactor: &Reactor) -> Deferred<()> {
    let call = reactor.call_later(SECOND, |_| println!("I will never run."));
    println!("Active: {}", call.is_active());
    println!("Cancelled: {}", call.cancel().is_ok());
    defer_later(2 * SECOND, reactor, move || println!("Its time is over, and it is active: {}", call.is_active()))
}

/// A loop calls until it is stopped, here by what it calls. Then its Deferred fires.
pub(crate) fn looping_call(reactor: &Reactor) -> Deferred<()> {
    let mut left = 3;
    let every_second = LoopingCall::with_handle(reactor, move |this| {
        if left == 0 {
            return Ok(this.stop()?);
        }
        left -= 1;
        println!("A new second has passed.");
        Ok(())
    });
    match every_second.start(SECOND, true) {
        Ok(stopped) => stopped.add_callback(|_loop| println!("Loop done.")),
        Err(runs_already) => Deferred::fail(runs_already),
    }
}

/// What would block the reactor is done by a thread, and the result comes back to the reactor's own.
pub(crate) fn fibonacci(reactor: &Reactor) -> Deferred<()> {
    let (tell, told) = mpsc::channel();
    let result = reactor.defer_to_thread(move || {
        let number = large_fibonacci_number(25);
        told.recv()?; // so that this is never first, however fast the machine is
        Ok(number)
    });
    let printed = result.add_callback(|number| println!("largeFibonacciNumber result = {number}"));
    println!("1st line after the addition of the callback");
    println!("2nd line after the addition of the callback");
    reactor.call_later(SECOND, move |_| {
        println!("The reactor does something else");
        let _the_thread_waits = tell.send(());
    });
    printed
}

fn large_fibonacci_number(n: u32) -> u64 {
    if n < 2 { n.into() } else { large_fibonacci_number(n - 1) + large_fibonacci_number(n - 2) }
}
