//! Cancelling at each point on the way.
