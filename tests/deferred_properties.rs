//! Deferreds under programs that nobody wrote down: random ones, and very deep ones.
//!
//! - [`chains`]: a chain built with the methods, with `chain!` and as a plain loop over a `Result` does the same.
//! - [`orders`]: whatever is done in whatever order, also from inside of callbacks: values and failures end once.
//! - [`sync`]: queues and semaphores lose nothing, and nobody jumps the line.
//! - [`tasks`]: futures that await Deferreds get what they wait for, or cancel it.
//! - [`connections`]: replies keep the order of the requests, whatever fires when and wherever the bytes are cut.
//! - [`depth`]: 100,000 of anything, on a small stack.
//!
//! A message that a test fails with ends with its seed. `TWISTY_SEED=<seed>` runs that program alone, and
//! `TWISTY_ROUNDS=<n>` n times as many.

#[path = "deferred_properties/acts.rs"]
mod acts;
#[path = "deferred_properties/chains.rs"]
mod chains;
#[path = "deferred_properties/connections.rs"]
mod connections;
#[path = "deferred_properties/depth.rs"]
mod depth;
#[path = "deferred_properties/model.rs"]
mod model;
#[path = "deferred_properties/orders.rs"]
mod orders;
#[path = "deferred_properties/pool.rs"]
mod pool;
#[path = "deferred_properties/random.rs"]
mod random;
#[path = "deferred_properties/sync.rs"]
mod sync;
#[path = "deferred_properties/tasks.rs"]
mod tasks;
#[path = "deferred_properties/world.rs"]
mod world;
