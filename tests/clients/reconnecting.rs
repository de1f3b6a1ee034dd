//! Connecting again by itself.
