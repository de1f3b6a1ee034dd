//! Hostile input: what it may cost, and that it cannot be told apart by how it was cut.
//!
//! - [`cost`]: work grows with the bytes that arrive, not with their square. Nothing is timed: a framing that stands in
//!   front of the real one counts how often it is asked, and how many bytes were moved in memory between two questions.
//! - [`memory`]: a length that the peer says is believed only as far as its bytes arrive.
//! - [`chunking`]: the same events for any cuts, for random streams, good and bad; and what is encoded is decoded
//!   again.

#[path = "hostile/chunking.rs"]
mod chunking;
#[path = "hostile/cost.rs"]
mod cost;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/recorder.rs"]
mod recorder;
