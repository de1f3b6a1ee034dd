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
        println!("\nWritten to benches/results: {}.md, its charts, README.md.", self.name);
        Ok(())
    }

    fn save_to(&self, directory: &Path) -> Result {
        fs::create_dir_all(directory)?;
        for (file, chart) in &self.charts {
            fs::write(directory.join(file), chart.to_svg())?;
        }
        fs::write(directory.join(&self.name).with_extension("md"), &self.page)?;
        join_pages(directory)
    }
}

const INTRODUCTION: &str = "\
# Results

Written by `cargo bench -p benches`, bench by bench. Times mean nothing beside those of another run or machine; ratios do.
Bars have whiskers from the least to the greatest round; blue ones are twisty's, red lines are aims. First all aims, then
what each bench saw.
";

/// Writes the pages of all benches into one, in the order of their names, and removes charts that none of them shows.
fn join_pages(directory: &Path) -> Result {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let of_kind = |kind| files.iter().filter(move |file| file.extension().is_some_and(|extension| extension == kind));
    let mut pages = String::new();
    for page in of_kind("md").filter(|page| !page.ends_with("README.md")) {
        pages += &format!("\n{}\n", fs::read_to_string(page)?.trim_end());
    }
    let joined = format!("{INTRODUCTION}\n{}\n{pages}", aims(&pages));
    for chart in of_kind("svg") {
        let name = chart.file_name().unwrap_or_default().to_string_lossy();
        if !joined.contains(&format!("]({name})")) {
            fs::remove_file(chart)?;
        }
    }
    Ok(fs::write(directory.join("README.md"), joined)?)
}

/// All rows of the pages that are held against an aim, in one table.
fn aims(pages: &str) -> Table {
    let mut table = Table::new(["bench", "what", "who", "seen", "aim"], []);
    let (mut bench, mut section) = ("", "");
    for line in pages.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            section = name;
        } else if let Some(name) = line.strip_prefix("## ") {
            bench = name;
        }
        let cells: Vec<_> = line.trim_matches('|').split(" |").map(str::trim).collect();
        let aim = cells.iter().position(|cell| cell.starts_with('≤'));
        if let ([who, ..], Some(aim)) = (&*cells, aim) {
            table.row([bench, section, who, &cells[1..aim].join("; "), cells[aim]]);
        }
    }
    table
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

    fn results(name: &str, section: &str) -> Results {
        let mut results = Results { name: name.to_owned(), page: String::new(), charts: Vec::new() };
        let bar = Bar { label: "mio loop".to_owned(), value: 1.0.into(), aim: None, ours: false };
        let chart = Chart { title: section.to_owned(), unit: "s".to_owned(), bars: vec![bar] };
        let (mut table, notes) = (Table::new(["server"], ["ratio", "aim"]), vec!["one".to_owned(), "two".to_owned()]);
        table.row(["twisty", "1.02", "≤ 1.03 met"]);
        results.print(&format!("## {name}"));
        results.add(Section { name: section.to_owned(), table, notes, chart: Some(chart) });
        results
    }

    fn page(name: &str, section: &str, slug: &str) -> String {
        let table = "| server | ratio |        aim |\n|--------|------:|-----------:|\n| twisty |  1.02 | ≤ 1.03 met |";
        format!("## {name}\n\n### {section}\n\n{table}\n\n- one\n- two\n\n![{section}]({name}-{slug}.svg)\n")
    }

    #[test]
    fn one_page_joins_those_of_all_benches_as_they_were_last() -> Result {
        let directory = env::temp_dir().join(format!("results-{}", std::process::id()));
        results("timers", "fire").save_to(&directory)?;
        results("echo", "old").save_to(&directory)?;
        results("echo", "64 B, 1 × 2").save_to(&directory)?;
        let joined = fs::read_to_string(directory.join("README.md"))?;
        let mut files: Vec<_> = fs::read_dir(&directory)?.flatten().map(|file| file.file_name()).collect();
        files.sort();
        fs::remove_dir_all(&directory)?;
        let pages = [page("echo", "64 B, 1 × 2", "64-b-1-2"), page("timers", "fire", "fire")];
        let aims = [
            "| bench  | what        | who    | seen | aim        |",
            "|--------|-------------|--------|------|------------|",
            "| echo   | 64 B, 1 × 2 | twisty | 1.02 | ≤ 1.03 met |",
            "| timers | fire        | twisty | 1.02 | ≤ 1.03 met |",
        ];
        assert_eq!(joined, format!("{INTRODUCTION}\n{}\n\n{}", aims.join("\n"), pages.join("\n")));
        assert_eq!(files, ["README.md", "echo-64-b-1-2.svg", "echo.md", "timers-fire.svg", "timers.md"]);
        Ok(())
    }
}
