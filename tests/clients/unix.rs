//! UNIX sockets.
