//! What a bench found: printed while it goes on, and kept in `benches/results/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::Result;
use crate::chart::Chart;
use crate::table::Table;

/// The results of one bench, section by section.
#[derive(Debug)]
pub struct Results {
    /// The bench.
    name: String,
    /// What was printed, with links to the charts.
    page: String,
    /// By their files.
    charts: Vec<(String, Chart)>,
}

/// What came out of one workload or contest.
#[derive(Debug)]
pub struct Section {
    /// Its heading.
    pub name: String,
    /// Its figures.
    pub table: Table,
    /// Lines below the table, as a list; there need be none.
    pub notes: Vec<String>,
    /// The figures that matter most, if they can be drawn.
    pub chart: Option<Chart>,
}

impl Results {
    /// Prints the heading: the bench, and how its figures come about.
    pub fn begin(how: &str) -> Self {
        let mut results = Self { name: bench(), page: String::new(), charts: Vec::new() };
        results.print(&format!("## {}", results.name));
        results.print(how);
        results.print(&format!("{}.", machine()));
        results
    }

    /// Prints a section.
    pub fn add(&mut self, section: Section) {
        self.print(&format!("### {}", section.name));
        self.print(&section.table.to_string());
        if !section.notes.is_empty() {
            self.print(&format!("- {}", section.notes.join("\n- ")));
        }
        if let Some(chart) = section.chart {
            let file = format!("{}-{}.svg", self.name, slug(&section.name));
            // Not printed: a terminal cannot show it.
            self.page.push_str(&format!("![{}]({file})\n\n", section.name));
            self.charts.push((file, chart));
        }
    }

    fn print(&mut self, paragraph: &str) {
        println!("\n{paragraph}");
        self.page.push_str(&format!("{paragraph}\n\n"));
    }

    /// Writes the page and its charts to `benches/results/`, and anew the page there that joins those of all benches.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn save(&self) -> Result {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        self.save_to(&directory)?;
        println!("\nWritten to benches/results: {}.md, {} charts, README.md.", self.name, self.charts.len());
        Ok(())
    }

    fn save_to(&self, directory: &Path) -> Result {
        fs::create_dir_all(directory)?;
        for (file, chart) in &self.charts {
            fs::write(directory.join(file), chart.to_svg())?;
        }
        fs::write(directory.join(&self.name).with_extension("md"), &self.page)?;
        Ok(fs::write(directory.join("README.md"), joined(directory)?)?)
    }
}

const INTRODUCTION: &str = "\
# Results

Written by `cargo bench -p benches`, bench by bench; times mean nothing beside those of another run, ratios do. Bars are
ratios to the first of each table unless they say otherwise, with whiskers from the least to the greatest round; blue ones
are twisty's, red lines are aims.
";

/// The pages of all benches, in the order of their names.
fn joined(directory: &Path) -> Result<String> {
    let mut pages: Vec<PathBuf> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md") && !page.ends_with("README.md"));
    pages.sort();
    let mut joined = INTRODUCTION.to_owned();
    for page in pages {
        joined.push('\n');
        joined.push_str(fs::read_to_string(page)?.trim_end());
        joined.push('\n');
    }
    Ok(joined)
}

/// Letters and digits stay, with single dashes between them.
fn slug(name: &str) -> String {
    let name = name.to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Cargo calls the program by its name, a dash, and a hash.
fn bench() -> String {
    let program = env::current_exe().unwrap_or_default();
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(&*name, |(name, _)| name).to_owned()
}

/// What the figures depend on, as far as the system tells.
fn machine() -> String {
    let line = |text: String| text.lines().next().map(str::to_owned);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok().and_then(line);
    let kernel = kernel.and_then(|kernel| Some(format!(" {}", kernel.split('-').next()?)));
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| line(String::from_utf8(output.stdout).ok()?));
    let rustc = rustc.and_then(|version| Some(version.split(" (").next()?.to_owned()));
    format!(
        "{}, {}{}, {}",
        model.map_or(env::consts::ARCH, |(_, model)| model),
        env::consts::OS,
        kernel.unwrap_or_default(),
        rustc.as_deref().unwrap_or("unknown rustc"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Bar;

    fn results(name: &str) -> Results {
        let mut results = Results { name: name.to_owned(), page: String::new(), charts: Vec::new() };
        let bar = Bar { label: "mio loop".to_owned(), value: 1.0.into(), aim: None, ours: false };
        let chart = Chart { title: "Echo".to_owned(), unit: "s".to_owned(), bars: vec![bar] };
        let table = Table::new(["server"], []);
        results.print(&format!("## {name}"));
        results
            .add(Section { name: "64 B, 1 × 2".to_owned(), table, notes: vec!["a".to_owned()], chart: Some(chart) });
        results
    }

    #[test]
    fn one_page_joins_those_of_all_benches() -> Result {
        let directory = env::temp_dir().join(format!("results-{}", std::process::id()));
        results("timers").save_to(&directory)?;
        results("echo").save_to(&directory)?;
        results("echo").save_to(&directory)?;
        let page = fs::read_to_string(directory.join("README.md"))?;
        let chart = fs::read_to_string(directory.join("echo-64-b-1-2.svg"))?;
        fs::remove_dir_all(&directory)?;
        let section = |name| {
            format!(
                "## {name}\n\n### 64 B, 1 × 2\n\n| server |\n|--------|\n\n- a\n\n![64 B, 1 × 2]({name}-64-b-1-2.svg)\n"
            )
        };
        assert_eq!(page, [INTRODUCTION, &section("echo"), &section("timers")].join("\n"));
        assert!(chart.starts_with("<svg "), "{chart}");
        Ok(())
    }
}
