//! The same chain in three ways: with the methods, with `chain!`, and without Deferreds.

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use twisty::testing::Clock;
use twisty::{Deferred, Failure, chain};

use crate::model::{Form, Kind, Model, Program, Side};
use crate::random::{one_of, programs};
use crate::world::{Bad, Said, World, run};

/// Steps as `chain!` has them.
struct Shape {
    kinds: Vec<Kind>,
    build: fn(&Rc<World>, Deferred<u64>) -> Deferred<u64>,
}

macro_rules! shape {
    ($($kind:ident)*) => {
        Shape {
            kinds: vec![$(kind(stringify!($kind))),*],
            build: |world, source| {
                let world = Rc::clone(world);
                steps!(world, 0, [source;] $($kind)*)
            },
        }
    };
}

/// Writes the steps one behind the other, and then `chain!`.
macro_rules! steps {
    ($w:ident, $i:expr, [$($d:tt)*]) => { chain! { $($d)* finally |_| _ = &$w; } };
    ($w:ident, $i:expr, [$($d:tt)*] then_plain $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* then |n: u64| $w.plain($i, n);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] then_tried $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* then |n: u64| { let n = $w.tried($i, n)?; Ok(n) }] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] then_later $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* then |n: u64| $w.later($i, n);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] catch_plain $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* catch |why| $w.plain($i, why);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] catch_tried $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* catch |why: Failure| $w.tried($i, why);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] catch_later $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* catch |why| $w.later($i, why);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] bad_plain $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* catch |why: Bad| $w.plain($i, why);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] bad_tried $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* catch |why: Bad| $w.tried($i, why);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] bad_later $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* catch |why: Bad| $w.later($i, why);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] finally_plain $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* finally |result| _ = $w.plain($i, result);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] finally_tried $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* finally |result| $w.tried($i, result);] $($k)*)
    };
    ($w:ident, $i:expr, [$($d:tt)*] finally_later $($k:ident)*) => {
        steps!($w, $i + 1, [$($d)* finally |result| $w.later($i, result);] $($k)*)
    };
}

fn kind(name: &str) -> Kind {
    let (side, form) = name.split_once('_').expect("a side and a form");
    let side = match side {
        "then" => Side::Then,
        "catch" => Side::Catch,
        "bad" => Side::CatchBad,
        _ => Side::Finally,
    };
    let form = match form {
        "plain" => Form::Plain,
        "tried" => Form::Tried,
        _ => Form::Later,
    };
    Kind { side, form }
}

fn shapes() -> Vec<Shape> {
    vec![
        shape!(),
        shape!(then_plain),
        shape!(catch_later),
        shape!(then_later finally_later),
        shape!(then_tried then_plain catch_plain),
        shape!(then_later then_later then_later),
        shape!(finally_tried finally_later finally_plain bad_plain),
        shape!(then_later bad_later then_later catch_later),
        shape!(bad_tried then_plain then_tried catch_tried then_later),
        shape!(then_later then_tried catch_later finally_later then_later bad_later),
        shape!(then_plain then_plain then_tried then_tried then_later then_later catch_plain),
        shape!(then_later finally_later then_later finally_later catch_later then_later then_plain finally_later),
        shape!(then_later bad_later catch_later then_tried bad_tried catch_tried then_plain bad_plain catch_plain),
        shape!(catch_later then_later catch_later then_later catch_later then_later catch_later then_later
               catch_later then_later catch_later then_later),
        shape!(then_tried bad_later then_plain finally_plain then_later catch_tried finally_tried then_later
               bad_plain then_later finally_later catch_later),
    ]
}

/// Adds the steps with the methods.
fn with_methods(world: &Rc<World>, source: Deferred<u64>, kinds: &[Kind]) -> Deferred<u64> {
    kinds.iter().enumerate().fold(source, |chain, (step, kind)| with_step(world, chain, step, *kind))
}

fn with_step(world: &Rc<World>, chain: Deferred<u64>, step: usize, Kind { side, form }: Kind) -> Deferred<u64> {
    let world = Rc::clone(world);
    match side {
        Side::Then => add_then(chain, world, step, form),
        Side::Catch => add_catch(chain, world, step, form),
        Side::CatchBad => chain.add_errback(move |why| match why.trap::<Bad>() {
            Ok(bad) => act(&world, step, form, bad),
            Err(another) => Deferred::from(Err(another)),
        }),
        Side::Finally => chain.add_both(move |result| end(&world, step, form, result)),
        Side::Both if step.is_multiple_of(2) => chain.add_both(move |result| act(&world, step, form, result)),
        Side::Both => {
            let other = Rc::clone(&world);
            chain.add_callbacks(move |n| act(&world, step, form, n), move |why| act(&other, step, form, why))
        }
    }
}

fn add_then(chain: Deferred<u64>, world: Rc<World>, step: usize, form: Form) -> Deferred<u64> {
    match form {
        Form::Plain => chain.map(move |n| world.plain(step, n)),
        Form::Tried => chain.add_callback(move |n| Ok(world.tried(step, n)?)),
        Form::Later => chain.add_callback(move |n| world.later(step, n)),
    }
}

fn add_catch(chain: Deferred<u64>, world: Rc<World>, step: usize, form: Form) -> Deferred<u64> {
    match form {
        Form::Plain => chain.add_errback(move |why| Ok(world.plain(step, why))),
        Form::Tried => chain.add_errback(move |why| Ok(world.tried(step, why)?)),
        Form::Later => chain.add_errback(move |why| world.later(step, why)),
    }
}

fn act(world: &World, step: usize, form: Form, input: impl Said) -> Deferred<u64> {
    match form {
        Form::Plain => Deferred::succeed(world.plain(step, input)),
        Form::Tried => Deferred::from(world.tried(step, input).map_err(Failure::from)),
        Form::Later => world.later(step, input),
    }
}

/// What a `finally` does.
fn end(world: &World, step: usize, form: Form, result: twisty::Result<u64>) -> Deferred<u64> {
    act(world, step, form, result.as_ref()).add_callback(move |_| result)
}

/// Steps of any kind, also such as `chain!` has not.
fn any_steps(rng: &mut Rng) -> Vec<Kind> {
    let sides = [Side::Then, Side::Then, Side::Then, Side::Catch, Side::CatchBad, Side::Finally, Side::Both];
    let forms = [Form::Plain, Form::Tried, Form::Later, Form::Later];
    (0..rng.usize(..25)).map(|_| Kind { side: *one_of(rng, &sides), form: *one_of(rng, &forms) }).collect()
}

#[test]
fn methods_do_what_a_loop_does() {
    programs(6000, |rng| {
        let steps = any_steps(rng);
        let program = Program::new(rng, steps, true);
        let build = |world: &Rc<World>, source| with_methods(world, source, &program.kinds);
        assert_eq!(run(&program, &build), Model::tell(&program), "{program:#?}");
    });
}

fn through_another(chain: Deferred<u64>) -> Deferred<u64> {
    let (resolver, next) = Deferred::new();
    chain.chain_deferred(resolver);
    next
}

/// The same with another Deferred or a timeout that never comes between any two steps.
#[test]
fn what_stands_between_the_steps_changes_nothing() {
    programs(2000, |rng| {
        let steps = any_steps(rng);
        let program = Program::new(rng, steps, false);
        let (clock, between) = (Clock::new(), rng.u64(..));
        let build = |world: &Rc<World>, mut chain: Deferred<u64>| {
            for (step, kind) in program.kinds.iter().enumerate() {
                chain = with_step(world, chain, step, *kind);
                chain = match between >> (2 * step) & 3 {
                    0 => chain.add_timeout(Duration::from_secs(1), &clock),
                    1 => through_another(chain),
                    _ => chain,
                };
            }
            chain
        };
        assert_eq!(run(&program, &build), Model::tell(&program), "{program:#?}");
        assert!(clock.delayed_calls().is_empty(), "a timer was left: {program:#?}");
    });
}

#[test]
fn chain_does_what_the_methods_and_a_loop_do() {
    let shapes = shapes();
    programs(6000, |rng| {
        let shape = one_of(rng, &shapes);
        let program = Program::new(rng, shape.kinds.clone(), false);
        let told = Model::tell(&program);
        let methods = |world: &Rc<World>, source| with_methods(world, source, &program.kinds);
        assert_eq!(run(&program, &methods), told, "methods: {program:#?}");
        assert_eq!(run(&program, &shape.build), told, "chain!: {program:#?}");
    });
}
