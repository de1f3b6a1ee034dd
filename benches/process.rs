//! Servers as child processes: a bench starts itself again with `--serve NAME`.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;
use crate::certificate;

/// Where the servers run, and where the clients.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    server: usize,
    client: usize,
}

impl Cores {
    /// Two of the cores that this process may use; `None` if there is but one, or where threads cannot be pinned.
    pub fn choose() -> Option<Self> {
        let allowed = affinity::allowed();
        match allowed[..] {
            [client, .., server] => Some(Self { server, client }),
            _ => None,
        }
    }

    /// Keeps this process, the load generator, on the clients' core.
    pub fn pin_client(self) -> Result {
        affinity::pin(self.client)
    }

    /// Keeps this thread on the other core.
    pub fn pin_server(self) -> Result {
        affinity::pin(self.server)
    }
}

/// A running server. It ends with this value, and with the process that started it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the server of this name on its core, and waits until it listens.
    pub fn start(name: &str, cores: Option<Cores>) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--serve", name]);
        if let Some(cores) = cores {
            command.args(["--core", &cores.server.to_string()]);
        }
        certificate::hand_to(&mut command)?;
        // Backtraces are for whoever debugs: with them, each connection that ends takes one.
        command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take();
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut line = String::new();
        stdout.map_or(Ok(0), |stdout| BufReader::new(stdout).read_line(&mut line))?;
        let address = line.trim().trim_start_matches("tcp:").trim_start_matches("udp:").parse();
        server.address = address.map_err(|_| format!("the server {name} says {line:?} instead of its address"))?;
        Ok(server)
    }

    /// Of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its memory that is in RAM, where the system tells, exactly.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).ok()?;
        let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"))?;
        kilobytes.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }

    /// CPU time of its one thread so far, where the system tells. Exact while the server waits for something to do.
    pub fn cpu_time(&self) -> Option<Duration> {
        let schedstat = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).ok()?;
        schedstat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither can fail but for a server that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of this thread so far; a thread that waits takes none, nor does one whose core does something else.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The time of day instead.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// Prepares this process to be a server: on its core, and never outliving the bench.
pub fn become_server(core: Option<usize>) -> Result {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PTracer, Signal, set_parent_process_death_signal, set_ptracer};
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Yama, where it rules, keeps strace out otherwise; where it does not, there is no such option.
        let _ = set_ptracer(PTracer::Any);
    }
    core.map_or(Ok(()), affinity::pin)
}

/// Lets this process, and those that it starts, open as many files as the system allows; how many that is.
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where it cannot be raised, it stays what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
mod affinity {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn allowed() -> Vec<usize> {
        sched_getaffinity(None)
            .map_or(Vec::new(), |set| (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
    }

    pub(super) fn pin(core: usize) -> crate::Result {
        let mut set = CpuSet::new();
        set.set(core);
        Ok(sched_setaffinity(None, &set)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn pin(_core: usize) -> crate::Result {
        Ok(())
    }
}
