//! Work that goes on by itself on the reactor's thread.

#[cfg_attr(not(test), expect(dead_code, reason = "the reactor does not spawn yet"))]
mod executor;
