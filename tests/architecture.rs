//! Holds `ARCHITECTURE.md` against the code: who uses whom, and how large files and functions may get.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code that a file may have; without tests, comments and blank lines.
const FILE_BUDGET: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    found
}

/// The code of a file: without its tests, comments and blank lines.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source");
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

/// `| module | … | may use | … |`, read from ARCHITECTURE.md.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let rows: Vec<Vec<String>> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect();
    let order: Vec<String> = rows.iter().map(|row| row[1].clone()).collect();
    let uses = |at: usize, cell: &str| match cell {
        "all above" => order[..at].iter().cloned().collect(),
        "–" => BTreeSet::new(),
        _ => match cell.strip_prefix("all but ") {
            Some(but) => order[..at].iter().filter(|module| !but.contains(module.as_str())).cloned().collect(),
            None => cell.split(", ").map(str::to_owned).collect(),
        },
    };
    rows.iter().enumerate().map(|(at, row)| (row[1].clone(), uses(at, &row[3]))).collect()
}

/// The module of `twisty/src` that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("twisty/src")).expect("a file of the runtime");
    let first = inside.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules named in `crate::x` paths, also in `use crate::{x, y}`.
fn named(code: &[String]) -> BTreeSet<String> {
    let text = code.join("\n");
    let word =
        |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
    text.match_indices("crate::").map(|(at, path)| word(&text[at + path.len()..])).collect()
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let allowed = allowed();
    let mut seen = BTreeSet::new();
    for path in sources("twisty/src") {
        let module = module_of(&path);
        if matches!(module.as_str(), "lib" | "__private") {
            continue;
        }
        let may = allowed.get(&module).unwrap_or_else(|| panic!("{module} has no row in ARCHITECTURE.md"));
        for used in named(&code(&path)).into_iter().filter(|used| *used != module) {
            assert!(may.contains(&used), "{} uses {used}, the table allows {may:?}", path.display());
        }
        seen.insert(module);
    }
    assert_eq!(seen, allowed.keys().cloned().collect(), "the table and the modules differ");
}

#[test]
fn sockets_and_clocks_stay_where_they_belong() {
    let may_name_mio = ["transport", "reactor"];
    for path in sources("twisty/src") {
        let (module, code) = (module_of(&path), code(&path).join("\n"));
        let outside = !may_name_mio.contains(&module.as_str());
        assert!(!(outside && code.contains("mio::")), "{} names mio", path.display());
        let clock = code.contains("Instant::now") || code.contains("SystemTime::now");
        assert!(module == "reactor" || !clock, "{} looks at the clock", path.display());
    }
}

#[test]
fn files_stay_small() {
    for path in ["twisty/src", "twisty-macros/src", "tests", "examples", "benches"].into_iter().flat_map(sources) {
        let lines = code(&path).len();
        assert!(lines <= FILE_BUDGET, "{} has {lines} lines of code, {FILE_BUDGET} are allowed", path.display());
    }
}

#[test]
fn folders_stay_flat() {
    for folder in ["twisty/src", "twisty-macros/src"] {
        for path in sources(folder) {
            let depth = path.strip_prefix(root().join(folder)).expect("inside").iter().count();
            assert!(depth <= 2, "{} lies too deep", path.display());
        }
    }
}
