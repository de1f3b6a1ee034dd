//! Expanded code minds its own business: it stands anywhere, whatever the user's names are, and no lint complains.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused, rust_2018_idioms)]
#![deny(single_use_lifetimes, unused_qualifications, non_ascii_idents, let_underscore_drop)]
#![deny(clippy::all, clippy::pedantic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use twisty::prelude::*;
use twisty::testing::Server;

/// Names that a careless expansion would stumble over.
mod shadowed {
    #![allow(dead_code, reason = "they only stand in the way")]

    use ::twisty::prelude::{Context, Failure, factory, protocol, state_machine};

    struct Result;
    struct Option;
    struct String;
    struct Vec;
    struct Box;
    struct Ok;
    struct Err;
    struct Some;
    struct None;
    struct Duration;
    struct Line;
    struct Protocol;
    struct Settings;
    struct Factory;
    struct Outcome;
    struct Replies;
    struct StateMachine;
    struct Diagram;
    trait Default {}
    trait Iterator {}
    trait Into {}
    mod core {}
    mod std {}
    mod twisty {}

    #[protocol(line, factory = Site, idle_timeout = 1s)]
    #[derive(::core::default::Default)]
    pub(super) struct Odd {
        cx: u8,
        state: u8,
        self_: u8,
        r#type: u8,
        __state: u8,
        __cx: u8,
        __frame: u8,
    }

    #[derive(::core::default::Default)]
    struct State;
    struct r#Match {
        r#type: &'static str,
    }

    #[state_machine(State, r#Match)]
    impl Odd {
        #[on(connect)]
        fn connection_made(&self) -> ::core::option::Option<&'static str> {
            (self.cx == self.state).then_some("hello")
        }

        #[on(line in State)]
        fn frame_received(&mut self, __frame: &str, __state: &mut State) -> (&'static str, r#Match) {
            self.r#type += 1;
            ("go on", r#Match { r#type: "type" })
        }

        #[on(line in r#Match)]
        fn r#match(&mut self, state: r#Match, __cx: &Context<Self>, __payload: u8) -> (&'static str, State) {
            self.self_ += __payload;
            (state.r#type, State)
        }

        #[on(timeout(1s))]
        fn timeout(&self, cx: &Context<Self>) {
            cx.lose_connection();
        }

        #[on(disconnect)]
        fn disconnect(&self, failure: Failure) {
            assert!(failure.origin().line() > 0 && self.cx == 0);
        }
    }

    #[factory(protocol = Odd, start = open, max_connections = 9)]
    pub(super) struct Site;

    fn open(_site: &mut Site) {}
}

#[test]
fn shadowed_names_and_odd_ones_do_no_harm() {
    let server = Server::new(shadowed::Site);
    assert_eq!(server.connect().receive("a\r\n5\r\n").sent(), "hello\r\ngo on\r\ntype\r\n");
    assert_eq!(shadowed::Odd::diagram().states, ["State", "Match"]);
}

/// The same for the macros that are called in expressions.
mod shadowed_calls {
    #![allow(dead_code, reason = "they only stand in the way")]

    use ::twisty::prelude::{Deferred, Failure, chain, gather, race};

    struct Result;
    struct Option;
    struct Ok;
    struct Err;
    struct Some;
    struct None;
    struct Duration;
    struct Outcome;
    struct Recovery;
    struct __Winner;
    trait Into {}
    trait From {}
    trait Deref {}
    trait Fn {}
    trait FnOnce {}
    mod core {}
    mod std {}
    mod twisty {}

    pub(super) fn chained(__result: u8, __value: u8, r#type: Deferred<u8>) -> Deferred<u8> {
        let __wanted = 1;
        chain! {
            r#type;
            then |n| n + __result;
            then |__result| __result + __value;
            then |__value: u8| -> Deferred<u8> { Deferred::succeed(__value) }
            catch |_: ::std::fmt::Error| __wanted;
            catch |__why| __wanted + u8::try_from(__why.trail().len()).unwrap_or_default();
            timeout 5s;
            finally |_| {}
            then move |n| {
                if n > 100 {
                    return 100;
                }
                n
            }
            catch |_: Failure| panic!("{__wanted}");
        }
    }

    pub(super) fn both(__value: u8) -> Deferred<(u8, u8)> {
        gather!(__value, chained(__value, 1, Deferred::succeed(1)))
    }

    pub(super) fn first(__1st: u8) -> Deferred<u8> {
        race! {
            _ = Deferred::<&str>::fail(::std::fmt::Error) => __1st,
            __value = __1st => { let __result = race!(__value, __1st); __result }
        }
    }
}

#[test]
fn names_in_bodies_are_the_users() {
    let value = |deferred: Deferred<u8>| deferred.into_result().map(Result::ok);
    assert_eq!(value(shadowed_calls::chained(1, 2, Deferred::succeed(3))).ok(), Some(Some(6)));
    assert_eq!(value(shadowed_calls::first(7)).ok(), Some(Some(7)));
    let both = shadowed_calls::both(5).into_result().map(Result::ok);
    assert_eq!(both.ok(), Some(Some((5, 7))));
}

/// Not even the standard prelude is needed.
#[no_implicit_prelude]
mod bare {
    use ::core::iter::Iterator as _;
    use ::twisty::prelude::{chain, factory, gather, protocol, race};

    pub(super) fn calls() -> ::twisty::Deferred<u8> {
        chain! {
            race! { n = gather!(1, 2) => n.0, _ = 5 => 5 };
            then |n| race!(n, 2);
            catch |_| 3;
            finally |_| ();
        }
    }

    #[factory(protocol = Plain, build = Self::make, stop = Self::close)]
    #[derive(::core::default::Default)]
    pub(super) struct Maker {
        made: u32,
    }

    impl Maker {
        fn make(&mut self, peer: &::twisty::Address) -> ::core::option::Option<Plain> {
            self.made += 1;
            peer.port().map(|_| Plain { lines: ::std::collections::VecDeque::new() })
        }

        fn close(&mut self) {
            self.made = 0;
        }
    }

    #[protocol(line, delimiter = "\n", max_length = 9, idle_timeout = 5min, factory = Maker)]
    pub(super) struct Plain {
        lines: ::std::collections::VecDeque<::std::string::String>,
    }

    #[protocol]
    impl Plain {
        #[on(line)]
        fn line(&mut self, line: ::std::string::String) -> impl ::core::iter::Iterator<Item = ::std::string::String> {
            self.lines.push_back(line);
            self.lines.iter().rev().cloned()
        }
    }
}

#[test]
fn no_prelude_is_needed() {
    assert_eq!(Server::new(bare::Maker::default()).connect().receive("a\nb\n").sent(), "a\nb\na\n");
    assert_eq!(bare::calls().into_result().map(Result::ok).ok(), Some(Some(1)));
}

/// Public items with documentation, as a library has them.
pub mod public {
    use super::{Context, Failure, factory, protocol, state_machine};

    /// A protocol.
    #[protocol(netstring, factory = Everyone<T>)]
    #[derive(Debug, Default)]
    pub struct Public<T: Clone + Default + AsRef<str>>(T);

    /// Its first state.
    #[derive(Debug, Default)]
    pub struct First;

    /// Its second state, which is large.
    #[derive(Debug)]
    pub struct Second([u8; 2000]);

    #[state_machine(First, Second)]
    impl<T: Clone + Default + AsRef<str>> Public<T> {
        /// Begins.
        #[on(string in First)]
        #[must_use]
        pub fn begin(&self, bytes: &[u8]) -> Option<Second> {
            (bytes.len() == self.0.as_ref().len()).then_some(Second([0; 2000]))
        }

        /// Ends.
        ///
        /// # Errors
        /// Always.
        #[on(string in Second)]
        pub fn end(&self, cx: &Context<Self>, second: &Second) -> Result<First, Failure> {
            Err(Failure::message(format!("{} {:?}", cx.connections(), second.0[0])))
        }
    }

    /// A factory.
    #[factory(protocol = Public<T>)]
    #[derive(Debug, Default)]
    pub struct Everyone<T: Clone + Default + AsRef<str>> {
        /// What its protocols share.
        pub shared: T,
    }
}

#[test]
fn items_can_stand_in_a_function() {
    #[protocol(raw)]
    #[derive(Default)]
    struct Local {
        bytes: usize,
    }

    #[derive(Default)]
    struct Empty;
    struct Full;

    #[state_machine(Empty, Full)]
    impl Local {
        #[on(data in Empty)]
        fn fill(&mut self, data: &[u8]) -> Full {
            self.bytes = data.len();
            Full
        }

        #[on(data in Full)]
        fn report(&mut self, _full: &Full) -> String {
            self.bytes.to_string()
        }
    }

    let server = Server::new(Local::factory());
    assert_eq!(server.connect().receive("abc").receive("?").sent(), "3");
}

macro_rules! shouting {
    ($name:ident, $frame:ty, $reply:ty) => {
        #[protocol(line)]
        #[derive(Default)]
        struct $name(u8);

        #[protocol]
        impl $name {
            #[on(line)]
            fn shout(&mut self, cx: &Context<Self>, line: $frame) -> $reply {
                self.0 += u8::try_from(cx.connections()).unwrap_or_default();
                line.to_ascii_uppercase()
            }
        }
    };
}

#[test]
fn items_can_come_from_a_macro() {
    shouting!(Shout, String, String);
    assert_eq!(Server::new(Shout::factory()).connect().receive("hi\r\n").sent(), "HI\r\n");
}

macro_rules! doubled {
    ($source:expr, $limit:literal, $step:expr, $body:expr, $why:pat) => {
        chain! { $source; then $step; then |n: u8| $body + n; timeout $limit; catch |$why| $body; finally |_| {} }
    };
}

#[test]
fn chains_can_come_from_a_macro() {
    let n = 5;
    let doubled = doubled!(Deferred::succeed(1_u8), 5s, |n| n + 1, n, _);
    assert_eq!(doubled.into_result().map(Result::ok).ok(), Some(Some(7)));
}

/// A package of its own, in which twisty has another name.
#[test]
fn the_crate_can_be_renamed() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("renamed");
    let manifest = format!(
        "[package]\nname = \"renamed\"\nedition = \"2024\"\n[[bin]]\nname = \"renamed\"\npath = {:?}\n\
         [dependencies]\nreactive = {{ package = \"twisty\", path = {:?} }}\n[workspace]\n",
        workspace.join("tests/renamed.rs"),
        workspace.join("twisty"),
    );
    fs::create_dir_all(&package).expect("a folder for the package");
    fs::write(package.join("Cargo.toml"), manifest).expect("its manifest");
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).expect("the versions that are here already");

    let mut cargo = Command::new(env!("CARGO"));
    let check = cargo.args(["check", "--quiet", "--offline"]).env_remove("CARGO_TARGET_DIR").current_dir(&package);
    let output = check.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
