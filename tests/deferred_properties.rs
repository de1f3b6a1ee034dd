//! Deferreds under programs that nobody wrote down: random ones, and very deep ones.
//!
//! - [`chains`]: a chain built with the methods, with `chain!` and as a plain loop over a `Result` does the same.
//!
//! A message that a test fails with ends with its seed. `TWISTY_SEED=<seed>` runs that program alone, and
//! `TWISTY_ROUNDS=<n>` n times as many.

#[path = "deferred_properties/chains.rs"]
mod chains;
#[path = "deferred_properties/depth.rs"]
mod depth;
#[path = "deferred_properties/model.rs"]
mod model;
#[path = "deferred_properties/orders.rs"]
mod orders;
#[path = "deferred_properties/random.rs"]
mod random;
#[path = "deferred_properties/world.rs"]
mod world;
