//! Descriptors that whoever started the program has left open for it.

use std::env;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::process;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{Domain, SockRef};

/// A descriptor by its number: a duplicate, as in Twisted, so that the number itself stays open and may be asked for again.
///
/// A number says nothing about who owns what it names, so Rust takes none without `unsafe`; the kernel does, from any
/// process that we may look into, ourselves for one.
pub(crate) fn inherited(number: u32) -> io::Result<OwnedFd> {
    let ourselves = i32::try_from(process::id()).ok().and_then(Pid::from_raw);
    let ourselves = pidfd_open(ourselves.ok_or(ErrorKind::Unsupported)?, PidfdFlags::empty())?;
    let number = i32::try_from(number).map_err(|_| not_open(number))?;
    pidfd_getfd(ourselves, number, PidfdGetfdFlags::empty()).map_err(|error| match io::Error::from(error) {
        error if error.raw_os_error() == Some(libc::EBADF) => not_open(number),
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            let text = format!("descriptor {number} cannot be taken: the system forbids `pidfd_getfd` (Linux 5.6)");
            io::Error::new(error.kind(), text)
        }
        error => error,
    })
}

fn not_open(number: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::NotFound, format!("descriptor {number} is not open"))
}

/// Which of the sockets that systemd hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed<'a> {
    /// The first is 0.
    Index(u32),
    /// By its `FileDescriptorName=`.
    Name(&'a str),
}

/// A socket that systemd, or who does as it does, opened for this process.
pub(crate) fn handed_over(which: Handed<'_>, domain: Domain) -> io::Result<OwnedFd> {
    let names = names(|key| env::var(key).ok(), process::id())?;
    let descriptor = inherited(number(&names, which)?)?;
    let found = SockRef::from(&descriptor).domain();
    if found.as_ref().is_ok_and(|found| *found != domain) {
        let text = format!("systemd hands over a socket of another domain, {}", name_of(found?));
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(descriptor)
}

fn name_of(domain: Domain) -> &'static str {
    match domain {
        Domain::IPV4 => "INET",
        Domain::IPV6 => "INET6",
        Domain::UNIX => "UNIX",
        _ => "of which nothing is known",
    }
}

/// The first descriptor that is handed over, as `sd_listen_fds` has it.
const FIRST: u32 = 3;

/// The names of the descriptors from [`FIRST`] on.
fn names(variable: impl Fn(&str) -> Option<String>, own_id: u32) -> io::Result<Vec<String>> {
    let wrong = |text: String| io::Error::new(ErrorKind::NotFound, text);
    let id =
        variable("LISTEN_PID").ok_or_else(|| wrong("systemd hands over nothing: there is no LISTEN_PID".to_owned()))?;
    if id.trim().parse() != Ok(own_id) {
        return Err(wrong(format!("what systemd hands over is for process {id} (LISTEN_PID), this is {own_id}")));
    }
    let count = variable("LISTEN_FDS").unwrap_or_default();
    let count: usize =
        count.trim().parse().map_err(|_| wrong(format!("LISTEN_FDS is no number of descriptors: `{count}`")))?;
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let given = names.split(':').map(str::to_owned);
    Ok(given.chain(std::iter::repeat_with(String::new)).take(count).collect())
}

fn number(names: &[String], which: Handed<'_>) -> io::Result<u32> {
    let known = |index: &u32| (*index as usize) < names.len();
    let index = match which {
        Handed::Index(index) => Some(index).filter(known),
        Handed::Name(wanted) => names.iter().position(|name| name == wanted).and_then(|index| index.try_into().ok()),
    };
    let missing = || {
        let (count, names) = (names.len(), names.join(", "));
        io::Error::new(ErrorKind::NotFound, format!("systemd hands over {count} descriptors, by the names of: {names}"))
    };
    Ok(FIRST + index.ok_or_else(missing)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pid: &str, fds: &str, names_given: &str) -> io::Result<Vec<String>> {
        let variable = |key: &str| {
            let value = match key {
                "LISTEN_PID" => pid,
                "LISTEN_FDS" => fds,
                _ => names_given,
            };
            (!value.is_empty()).then(|| value.to_owned())
        };
        names(variable, 42)
    }

    #[test]
    fn sockets_have_a_place_and_a_name() {
        let names = read("42", "3", "web:admin:web").expect("three");
        let numbers = [Handed::Index(0), Handed::Index(2), Handed::Name("admin"), Handed::Name("web")];
        let numbers: Vec<u32> = numbers.map(|which| number(&names, which).expect("a number")).to_vec();
        assert_eq!(numbers, [3, 5, 4, 3]);
        assert_eq!(read("42", "2", "").expect("two"), ["", ""]);
    }

    #[test]
    fn what_is_not_handed_over_is_named() {
        for (read, says) in [
            (read("", "1", "web"), "no LISTEN_PID"),
            (read("41", "1", "web"), "for process 41 (LISTEN_PID), this is 42"),
            (read("42", "", "web"), "no number of descriptors"),
            (read("42", "many", "web"), "no number of descriptors: `many`"),
        ] {
            let error = read.expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
        let names = read("42", "2", "web:admin").expect("two");
        for which in [Handed::Index(2), Handed::Index(u32::MAX), Handed::Name("ftp")] {
            let error = number(&names, which).expect_err("nothing").to_string();
            assert!(error.contains("2 descriptors, by the names of: web, admin"), "{error}");
        }
    }

    #[test]
    fn a_number_that_names_nothing_is_named() {
        let error = inherited(987_654).expect_err("nothing").to_string();
        assert_eq!(error, "descriptor 987654 is not open");
        assert!(inherited(u32::MAX).is_err());
    }
}
