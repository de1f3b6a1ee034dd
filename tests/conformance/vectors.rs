//! Where the cases come from.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;

/// One case, still as its line of JSON: each family has a schema of its own.
#[derive(Debug)]
pub(crate) struct Vector {
    pub(crate) family: String,
    pub(crate) name: String,
    pub(crate) json: String,
}

/// What the cases of all families have in common.
#[derive(Deserialize)]
struct Head {
    family: String,
    name: String,
}

/// All cases of all files, in the order of the files' names.
pub(crate) fn load() -> io::Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    for file in files(&directory())? {
        let text = read(&file)?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let Head { family, name } = serde_json::from_str(line)
                .map_err(|error| io::Error::other(format!("{}, line {}: {error}", file.display(), number + 1)))?;
            vectors.push(Vector { family, name, json: line.to_owned() });
        }
    }
    if vectors.is_empty() {
        return Err(io::Error::other(format!("{} holds none", directory().display())));
    }
    Ok(vectors)
}

/// `TWISTY_VECTORS`, seen from the workspace, or else those kept here.
fn directory() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    match std::env::var_os("TWISTY_VECTORS") {
        Some(other) => here.join("..").join(other),
        None => here.join("vectors"),
    }
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let explain = |error| io::Error::other(format!("{}: {error}", directory.display()));
    let entries = fs::read_dir(directory).map_err(explain)?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|file| is_compressed(file) || file.extension() == Some(OsStr::new("json")));
    files.sort();
    Ok(files)
}

fn is_compressed(file: &Path) -> bool {
    file.extension() == Some(OsStr::new("gz"))
}

fn read(file: &Path) -> io::Result<String> {
    if !is_compressed(file) {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    GzDecoder::new(fs::File::open(file)?).read_to_string(&mut text)?;
    Ok(text)
}
