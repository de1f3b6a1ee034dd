//! The servers in Python: `with_twisted.py`, in the virtualenv that `tests/interop/setup` makes.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::Result;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/interop-venv/bin/python");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/with_twisted.py");

/// Becomes the server: the process, its core and the signal at its parent's death stay what they are.
pub(super) fn serve(name: &str) -> Result {
    Err(Command::new(PYTHON).args([SCRIPT, name]).exec().into())
}

pub(super) fn installed() -> bool {
    Path::new(PYTHON).exists()
}
