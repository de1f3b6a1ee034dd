//! What `chain!` expands to: each step a call of one of these, nested in the one before.
//!
//! Steps whose outcome is there at once (values and `Result`s) are plain calls. Where one returns a Deferred, the rest of
//! the chain is one callback on it.

use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

use crate::clock::Scheduler;
use crate::deferred::{self, Deferred};
use crate::error::HandlerPanicked;
use crate::failure::Failure;
use crate::task;

/// Where it is called in the user's code.
#[track_caller]
#[must_use]
pub const fn here() -> &'static Location<'static> {
    Location::caller()
}

// ---- from step to step -----------------------------------------------------------------------------------------------

/// What a step results in: there at once, or later.
pub trait Outcome: From<Result<Self::Value, Failure>> {
    type Value: 'static;

    /// Runs the rest of the chain; a failure remembers that it passed `step`.
    fn go_on<U: 'static>(
        self,
        step: &'static Location<'static>,
        last: &'static Location<'static>,
        rest: impl FnOnce(Result<Self::Value, Failure>) -> Deferred<U> + 'static,
    ) -> Deferred<U>;

    fn into_deferred(self) -> Deferred<Self::Value>;
}

impl<T: 'static> Outcome for Result<T, Failure> {
    type Value = T;

    #[inline]
    fn go_on<U: 'static>(
        self,
        step: &'static Location<'static>,
        _last: &'static Location<'static>,
        rest: impl FnOnce(Self) -> Deferred<U> + 'static,
    ) -> Deferred<U> {
        rest(passed(self, step))
    }

    #[inline]
    fn into_deferred(self) -> Deferred<T> {
        self.into()
    }
}

impl<T: 'static> Outcome for Deferred<T> {
    type Value = T;

    #[inline]
    fn go_on<U: 'static>(
        self,
        step: &'static Location<'static>,
        last: &'static Location<'static>,
        rest: impl FnOnce(Result<T, Failure>) -> Deferred<U> + 'static,
    ) -> Deferred<U> {
        self.then_rest(last, move |result| rest(passed(result, step)))
    }

    #[inline]
    fn into_deferred(self) -> Self {
        self
    }
}

#[inline]
fn passed<T>(mut result: Result<T, Failure>, step: &'static Location<'static>) -> Result<T, Failure> {
    if let Err(failure) = &mut result {
        failure.passed_on(step);
    }
    result
}

/// The source, and all steps that come behind it. `last` is where the last one stands: a failure that comes out of what
/// it waits for passed there.
#[inline]
pub fn begin<D: Outcome, U: 'static>(
    source: D,
    last: &'static Location<'static>,
    rest: impl FnOnce(Result<D::Value, Failure>) -> Deferred<U> + 'static,
) -> Deferred<U> {
    source.into_deferred().then_all(last, rest)
}

/// A step, and all that come behind it.
#[inline]
#[track_caller]
pub fn go_on<D: Outcome, U: 'static>(
    step: D,
    last: &'static Location<'static>,
    rest: impl FnOnce(Result<D::Value, Failure>) -> Deferred<U> + 'static,
) -> Deferred<U> {
    step.go_on(Location::caller(), last, rest)
}

/// The last step.
#[inline]
#[track_caller]
pub fn finish<D: Outcome>(step: D) -> Deferred<D::Value> {
    step.into_deferred().passed_on(Location::caller())
}

/// A chain without steps.
#[inline]
pub fn only<D: Outcome>(source: D) -> Deferred<D::Value> {
    source.into_deferred()
}

// ---- several at once -------------------------------------------------------------------------------------------------

/// `race!(a, b)`
#[track_caller]
pub fn race<T: 'static>(members: impl IntoIterator<Item = Deferred<T>>) -> Deferred<T> {
    deferred::race(members).map(|(_index, value)| value)
}

/// An arm of a `race!`.
#[track_caller]
pub fn map<T: 'static, U: 'static>(member: Deferred<T>, variant: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
    member.map(variant)
}

// ---- the steps -------------------------------------------------------------------------------------------------------

/// `then |value| …`
#[inline]
pub fn then<T, D: Outcome>(result: Result<T, Failure>, body: impl FnOnce(T) -> Result<D, Failure>) -> D {
    match result {
        Ok(value) => run(|| body(value)),
        Err(failure) => D::from(Err(failure)),
    }
}

/// `catch |why: E| …`
#[inline]
pub fn catch<T, E: Caught, D: Outcome<Value = T>>(
    result: Result<T, Failure>,
    body: impl FnOnce(E, Wanted<T>) -> Result<D, Failure>,
) -> D {
    match result.map_err(E::caught) {
        Ok(value) => D::from(Ok(value)),
        Err(Ok(error)) => run(|| body(error, Wanted(PhantomData))),
        Err(Err(another)) => D::from(Err(another)),
    }
}

/// `finally |result| …`
#[inline]
pub fn finally<T: 'static, D: Finally>(
    result: Result<T, Failure>,
    body: impl FnOnce(Result<&T, &Failure>) -> Result<D, Failure>,
) -> D::After<T> {
    match HandlerPanicked::catch(|| body(result.as_ref())) {
        Ok(Ok(end)) => end.after(result),
        Ok(Err(failure)) => Err(failure).into(),
        Err(panicked) => Err(Failure::from(panicked)).into(),
    }
}

/// `timeout 5s`, by the clock that runs here. Where none does, it fails, and the work is cancelled.
#[inline]
#[track_caller]
pub fn timeout<T: 'static>(above: Deferred<T>, timeout: Duration) -> Deferred<T> {
    task::timeout_here(above, timeout)
}

/// `timeout 5s on &clock`
#[inline]
#[track_caller]
pub fn timeout_on<T: 'static>(
    deferred: Deferred<T>,
    timeout: Duration,
    clock: &(impl Scheduler + ?Sized),
) -> Deferred<T> {
    deferred.add_timeout(timeout, clock)
}

/// Runs a body. Its panic is a failure like any other.
#[inline]
fn run<D: Outcome>(body: impl FnOnce() -> Result<D, Failure>) -> D {
    match HandlerPanicked::catch(body) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(failure)) => D::from(Err(failure)),
        Err(panicked) => D::from(Err(panicked.into())),
    }
}

// ---- what a source or a `then` makes ---------------------------------------------------------------------------------

/// Tells Deferreds, `Result`s and plain values apart: `probe(&value).kind().settle(value, …)`.
///
/// A method is looked for here first, and only then behind the `Deref`; so no trait needs to be implemented for "all
/// other types". The last `Deref` leads to the value itself, for the compiler asks there for a type that it does not
/// know.
#[derive(Debug)]
pub struct Probe<'a, R>(Other<'a, R>);

/// See [`Probe`].
#[derive(Debug)]
pub struct Other<'a, R>(&'a R);

#[inline]
pub const fn probe<R>(value: &R) -> Probe<'_, R> {
    Probe(Other(value))
}

impl<'a, R> Deref for Probe<'a, R> {
    type Target = Other<'a, R>;

    fn deref(&self) -> &Other<'a, R> {
        &self.0
    }
}

impl<R> Deref for Other<'_, R> {
    type Target = R;

    fn deref(&self) -> &R {
        self.0
    }
}

#[derive(Debug)]
pub struct Later;
#[derive(Debug)]
pub struct Tried;
#[derive(Debug)]
pub struct Plain;

impl<U: 'static> Probe<'_, Deferred<U>> {
    #[inline]
    pub const fn kind(&self) -> Later {
        Later
    }

    /// What the `Ok` of a `Result` holds.
    #[inline]
    pub const fn inner(&self) -> Later {
        Later
    }
}

impl<U, E> Probe<'_, Result<U, E>> {
    #[inline]
    pub const fn kind(&self) -> Tried {
        Tried
    }
}

impl<R> Other<'_, R> {
    #[inline]
    pub const fn kind(&self) -> Plain {
        Plain
    }

    #[inline]
    pub const fn inner(&self) -> Plain {
        Plain
    }
}

impl Later {
    #[inline]
    pub fn settle<U: 'static>(self, later: Deferred<U>, _: impl FnOnce(()) -> Result<(), Failure>) -> Deferred<U> {
        later
    }

    #[inline]
    pub fn give<U: 'static>(self, later: Deferred<U>) -> Deferred<U> {
        later
    }
}

impl Tried {
    #[inline]
    #[track_caller]
    pub fn settle<V, E: IntoFailure, D: Outcome>(self, result: Result<V, E>, give: impl FnOnce(V) -> D) -> D {
        match result {
            Ok(value) => give(value),
            Err(error) => D::from(Err(error.into_failure())),
        }
    }
}

impl Plain {
    #[inline]
    pub fn settle<T, D>(self, value: T, give: impl FnOnce(T) -> D) -> D {
        give(value)
    }

    #[inline]
    pub const fn give<T>(self, value: T) -> Result<T, Failure> {
        Ok(value)
    }
}

/// A body of which nothing but `Err(…)` is seen: nothing says what its value is.
#[inline]
#[track_caller]
pub fn failed<T, E: IntoFailure>(result: Result<T, E>) -> Result<T, Failure> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.into_failure()),
    }
}

/// A body of which nothing says of which type its error is: `Ok(…)`, `Err(why.into())`.
#[inline]
pub const fn result<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result
}

/// What the `Err` of a body can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not become a `Failure`",
    label = "the error of this `Result` is no `std::error::Error` that can be sent to other threads",
    note = "a text becomes one by `Failure::message(…)`; a type of yours, by `#[derive(Debug, thiserror::Error)]`"
)]
pub trait IntoFailure {
    #[track_caller]
    fn into_failure(self) -> Failure;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Failure>> IntoFailure for E {
    #[inline]
    #[track_caller]
    fn into_failure(self) -> Failure {
        self.into()
    }
}

// ---- what a `catch` takes and makes ----------------------------------------------------------------------------------

/// What a `catch` can take.
#[diagnostic::on_unimplemented(
    message = "`catch` cannot look for `{Self}`",
    label = "this is no type of errors",
    note = "`catch |why: TimeoutError| …` takes the failures whose error is of that type, `catch |why| …` takes all"
)]
pub trait Caught: Sized {
    /// The failure itself where it is another one.
    fn caught(failure: Failure) -> Result<Self, Failure>;
}

impl Caught for Failure {
    #[inline]
    fn caught(failure: Failure) -> Result<Self, Failure> {
        Ok(failure)
    }
}

#[diagnostic::do_not_recommend]
impl<E: std::error::Error + 'static> Caught for E {
    fn caught(failure: Failure) -> Result<Self, Failure> {
        failure.trap()
    }
}

/// The type of the value that goes on behind a `catch`.
#[derive(Debug)]
pub struct Wanted<T>(PhantomData<fn() -> T>);

/// What a `catch` can make where a `T` goes on.
#[diagnostic::on_unimplemented(
    message = "a `catch` makes what stands in for the value, a `{T}`, and not `{Self}`",
    label = "expected a `{T}`, a `Result` of one or a `Deferred` of one",
    note = "what a `catch` makes and what goes past it are the same to the next step"
)]
pub trait Recovery<T> {
    type Outcome: Outcome<Value = T>;

    #[track_caller]
    fn recover(self) -> Self::Outcome;
}

impl<T: 'static> Recovery<T> for T {
    type Outcome = Result<T, Failure>;

    #[inline]
    fn recover(self) -> Result<T, Failure> {
        Ok(self)
    }
}

impl<T: 'static, E: IntoFailure> Recovery<T> for Result<T, E> {
    type Outcome = Result<T, Failure>;

    #[inline]
    #[track_caller]
    fn recover(self) -> Result<T, Failure> {
        failed(self)
    }
}

impl<T: 'static> Recovery<T> for Deferred<T> {
    type Outcome = Self;

    #[inline]
    fn recover(self) -> Self {
        self
    }
}

#[inline]
#[track_caller]
pub fn recover<T, R: Recovery<T>>(_wanted: Wanted<T>, made: R) -> R::Outcome {
    made.recover()
}

/// The same of a body of which nothing but `Ok(…)` is seen.
#[inline]
pub const fn recover_result<T>(_wanted: Wanted<T>, made: Result<T, Failure>) -> Result<T, Failure> {
    made
}

// ---- what a `finally` makes ------------------------------------------------------------------------------------------

/// The end of a `finally`.
pub trait Finally {
    /// Where the result goes on: at once, or when the end is reached.
    type After<T: 'static>: Outcome<Value = T>;

    fn after<T: 'static>(self, result: Result<T, Failure>) -> Self::After<T>;
}

impl Finally for Result<(), Failure> {
    type After<T: 'static> = Result<T, Failure>;

    #[inline]
    fn after<T: 'static>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.and(result)
    }
}

impl<U: 'static> Finally for Deferred<U> {
    type After<T: 'static> = Deferred<T>;

    fn after<T: 'static>(self, result: Result<T, Failure>) -> Deferred<T> {
        // As a Deferred it does not get lost: if it never goes on, its failure is reported.
        let result = Deferred::from(result);
        self.add_both(move |ended| match ended {
            Ok(_) => result,
            Err(failure) => {
                let _replaced = result.into_result();
                Err(failure).into()
            }
        })
    }
}

/// What a `finally` can make.
#[diagnostic::on_unimplemented(
    message = "a `finally` cannot make `{Self}`",
    label = "neither `()`, a `Result` nor a `Deferred`",
    note = "the result goes past a `finally`, unless that fails; to make another one, write `then`"
)]
pub trait Finale {
    type End: Finally;

    #[track_caller]
    fn end(self) -> Self::End;
}

impl Finale for () {
    type End = Result<(), Failure>;

    #[inline]
    fn end(self) -> Result<(), Failure> {
        Ok(())
    }
}

impl<U, E: IntoFailure> Finale for Result<U, E> {
    type End = Result<(), Failure>;

    #[inline]
    #[track_caller]
    fn end(self) -> Result<(), Failure> {
        failed(self).map(drop)
    }
}

impl<U: 'static> Finale for Deferred<U> {
    type End = Self;

    #[inline]
    fn end(self) -> Self {
        self
    }
}

#[inline]
#[track_caller]
pub fn end<F: Finale>(made: F) -> F::End {
    made.end()
}

/// The same of a body of which nothing but `Ok(…)` is seen.
#[inline]
pub fn end_result<U>(made: Result<U, Failure>) -> Result<(), Failure> {
    made.end()
}
