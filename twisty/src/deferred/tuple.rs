//! Several Deferreds of different types at once.

use std::panic::Location;

use super::joint::{Collect, Joint, Late};
use super::{Deferred, IntoDeferred};
use crate::error::FirstError;
use crate::failure::Failure;

/// Up to twelve Deferreds of different types, as a tuple; [`gather`](super::gather()) is for many of one type. (Twisted's
/// `gatherResults`.)
///
/// ```
/// use twisty::{Deferred, deferred::Gather};
///
/// let (resolver, name) = Deferred::new();
/// let greeting = (name, Deferred::succeed(42)).gather().map(|(name, age): (&str, u32)| format!("{name}, {age}"));
/// resolver.callback("Ann");
/// assert_eq!(greeting.into_result().expect("both are there").unwrap(), "Ann, 42");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered",
    note = "a tuple of 1 to 12 Deferreds or `Result<_, Failure>`s can; for more, gather tuples of tuples"
)]
pub trait Gather {
    /// The tuple of the values.
    type Output: 'static;

    /// All values, once all are there, or [`FirstError`] as soon as one fails. (Twisted's `gatherResults`.)
    ///
    /// The others run on when one has failed; their failures are reported as unhandled. Cancelling what this gives
    /// cancels all of them. Costs one allocation and one for each that is not there yet; none if all are.
    ///
    /// ```
    /// use twisty::{Deferred, FirstError, deferred::Gather};
    ///
    /// let (_resolver, name) = Deferred::<String>::new();
    /// let both = (name, Deferred::<u32>::fail(twisty::ConnectionDone)).gather();
    /// let failure = both.into_result().expect("it does not wait").unwrap_err();
    /// assert_eq!(failure.check::<FirstError>().map(|error| error.index), Some(1));
    /// ```
    #[track_caller]
    fn gather(self) -> Deferred<Self::Output>;
}

macro_rules! gather_tuple {
    ($($Member:ident $member:ident $index:tt),+) => {
        impl<$($Member: IntoDeferred),+> Gather for ($($Member,)+) {
            type Output = ($($Member::Value,)+);

            #[track_caller]
            fn gather(self) -> Deferred<Self::Output> {
                let made = Location::caller();
                let members = match ($(self.$index.into_deferred().into_result(),)+) {
                    ($(Ok(Ok($member)),)+) => return Deferred::succeed(($($member,)+)),
                    ($($member,)+) => ($($member.map_or_else(|pending| pending, Deferred::from),)+),
                };
                let handles = [$(members.$index.cancel_handle()),+];
                let joint = Joint::new(Values(($(None::<$Member::Value>,)+)), handles, Late::Reported, made);
                $(
                    joint.join($index, members.$index, |values, result| match result {
                        Ok(value) => {
                            values.0.$index = Some(value);
                            None
                        }
                        Err(failure) => Some(Err(FirstError { index: $index, failure }.into())),
                    });
                )+
                joint.into_deferred()
            }
        }

        impl<$($Member: 'static),+> Collect for Values<($(Option<$Member>,)+)> {
            type Output = ($($Member,)+);

            fn finish(&mut self) -> Result<Self::Output, Failure> {
                match ($(self.0.$index.take(),)+) {
                    ($(Some($member),)+) => Ok(($($member,)+)),
                    _ => unreachable!("a joint finishes when all members have come"),
                }
            }
        }
    };
}

/// What has come so far of each.
struct Values<V>(V);

gather_tuple!(A a 0);
gather_tuple!(A a 0, B b 1);
gather_tuple!(A a 0, B b 1, C c 2);
gather_tuple!(A a 0, B b 1, C c 2, D d 3);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10);
gather_tuple!(A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11);
