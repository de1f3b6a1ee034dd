//! What the attributes and `run` refuse: each `ui/WHAT/MISTAKE.rs` must fail with exactly the message in
//! `MISTAKE.stderr`.
//!
//! `TRYBUILD=overwrite cargo test -p tests --test ui` records the messages anew; read them as a user would.

#[test]
fn mistakes_are_told_at_the_users_own_token() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/protocol/*.rs");
    cases.compile_fail("ui/datagram/*.rs");
    cases.compile_fail("ui/factory/*.rs");
    cases.compile_fail("ui/state_machine/*.rs");
    cases.compile_fail("ui/deferred/*.rs");
    cases.compile_fail("ui/program/*.rs");
    cases.pass("ui/pass/*.rs");
}
