//! How long it takes to compile a program with 1, 10 and 100 protocols: by attributes, by hand, and with tokio.
//!
//! Run: `cargo bench -p benches --bench compile`
//!
//! Each protocol is a module of the program: a conversation of two states, whose lines are text and a number
//! (`with_attributes.rs` beside this file). "By hand" implements twisty's traits instead; with tokio it is an async
//! function around a `LinesCodec`. All of them are listened to, so that a build has to make their code.
//!
//! `cargo check` is what an editor does, `cargo build` a debug build; neither is incremental, and what the program
//! depends on is built before. The times are CPU time, of cargo and all threads of the compilers and linkers that it
//! starts. Each program is compiled once: it takes long enough. What cargo takes in any case is in all of them; what a
//! protocol takes is the difference between 1 and 100 of them, divided by 99.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::Result;
use benches::chart::{Bar, Chart};
use benches::options::Options;
use benches::results::Section;
use benches::table::Table;

const WAYS: [Way; 3] = [
    Way { label: "twisty, attributes", protocol: include_str!("with_attributes.rs"), main: WITH_TWISTY },
    Way { label: "twisty, by hand", protocol: include_str!("by_hand.rs"), main: WITH_TWISTY },
    Way { label: "tokio", protocol: include_str!("with_tokio.rs"), main: WITH_TOKIO },
];

/// A way to write a program.
struct Way {
    label: &'static str,
    /// The module of one protocol. It has a function `listen`.
    protocol: &'static str,
    /// What comes before and after the calls of `listen`, and the arguments and all that each of them has.
    main: [&'static str; 3],
}

const WITH_TWISTY: [&str; 3] = [
    "fn main() -> twisty::Result<()> {\nlet reactor = twisty::Reactor::new()?;\n",
    "(&reactor)?;\n",
    "Ok(reactor.run()?)\n}\n",
];
const WITH_TOKIO: [&str; 3] = [
    "async fn listen() -> std::io::Result<()> {\n",
    "().await?;\n",
    "Ok(())\n}\nfn main() -> std::io::Result<()> {\n\
     let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;\n\
     runtime.block_on(listen())?;\nruntime.block_on(std::future::pending())\n}\n",
];

fn main() -> Result {
    let options = Options::parse();
    options.record("Each program compiled once; CPU time of cargo and of all that it starts.", |results| {
        let package = Package::make()?;
        match Command::new(&package.cargo).arg("--version").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => println!("\nSkipped: there is no cargo to run."),
            _ if options.is_try_out() => drop(package.compile("check", &WAYS[0], 1)?),
            _ => {
                results.add(package.section("check")?);
                results.add(package.section("build")?);
            }
        }
        Ok(())
    })
}

/// The package of all programs, made anew by each of them.
struct Package {
    cargo: OsString,
    directory: PathBuf,
}

impl Package {
    /// With the versions of this workspace, so that nothing needs to be fetched.
    fn make() -> Result<Self> {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::create_dir_all(directory.join("src"))?;
        fs::copy(workspace.join("Cargo.lock"), directory.join("Cargo.lock"))?;
        let manifest =
            include_str!("manifest.toml").replace("{twisty}", &workspace.join("twisty").display().to_string());
        fs::write(directory.join("Cargo.toml"), manifest)?;
        Ok(Self { cargo: env::var_os("CARGO").unwrap_or("cargo".into()), directory })
    }

    fn section(&self, action: &str) -> Result<Section> {
        // Of none, so that what all depend on is there.
        self.compile(action, &WAYS[0], 0)?;
        let mut table = Table::new(["program"], ["1 protocol", "10 protocols", "100 protocols", "each protocol"]);
        let mut bars = Vec::new();
        for way in &WAYS {
            let [one, ten, hundred] = [1, 10, 100].map(|protocols| self.compile(action, way, protocols));
            let (one, ten, hundred) = (one?, ten?, hundred?);
            let each = (hundred - one) / 99.0 * 1000.0;
            let seconds = [one, ten, hundred].map(|seconds| format!("{seconds:.2} s"));
            table.row([way.label.to_owned()].into_iter().chain(seconds).chain([format!("{each:.1} ms")]));
            bars.push(Bar {
                label: way.label.to_owned(),
                value: each.into(),
                aim: None,
                ours: way.label.contains("twisty"),
            });
        }
        let name = format!("cargo {action}");
        let chart = Chart { title: name.clone(), unit: "ms for each protocol".to_owned(), bars };
        Ok(Section { name, table, notes: Vec::new(), chart: Some(chart) })
    }

    /// Compiles a program of so many protocols; the seconds of CPU time that it took.
    fn compile(&self, action: &str, way: &Way, protocols: usize) -> Result<f64> {
        fs::write(self.directory.join("src/main.rs"), way.program(protocols))?;
        let mut cargo = Command::new(&self.cargo);
        cargo.args([action, "--quiet", "--offline"]).current_dir(&self.directory);
        cargo.env("CARGO_TARGET_DIR", self.directory.join("target")).env("CARGO_INCREMENTAL", "0");
        let before = time_of_children();
        let output = cargo.output()?;
        if output.status.success() {
            return Ok(time_of_children() - before);
        }
        Err(format!("{}: {}", way.label, String::from_utf8_lossy(&output.stderr)).into())
    }
}

impl Way {
    fn program(&self, protocols: usize) -> String {
        let modules = (0..protocols).map(|number| format!("mod protocol_{number} {{\n{}}}\n", self.protocol));
        let [head, arguments, tail] = self.main;
        let calls = (0..protocols).map(|number| format!("protocol_{number}::listen{arguments}"));
        modules.chain([head.to_owned()]).chain(calls).chain([tail.to_owned()]).collect()
    }
}

/// Seconds of CPU time so far of child processes that have ended, and of theirs.
#[cfg(target_os = "linux")]
fn time_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may contain anything: `cutime` and `cstime` of proc(5).
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// The time of day instead.
#[cfg(not(target_os = "linux"))]
fn time_of_children() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
