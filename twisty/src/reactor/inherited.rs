//! Descriptors that whoever started the program has left open for it.

use std::env;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::process;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::SockRef;

use crate::endpoint::{Domain, Handed, SystemdServer};

/// A descriptor by its number: a duplicate, as in Twisted, so that the number itself stays open and may be asked for again.
///
/// A number says nothing about who owns what it names, so Rust takes none without `unsafe`; the kernel does, from any
/// process that we may look into, ourselves for one.
pub(super) fn descriptor(number: i32) -> io::Result<OwnedFd> {
    let ourselves = i32::try_from(process::id()).ok().and_then(Pid::from_raw);
    let ourselves = pidfd_open(ourselves.ok_or(ErrorKind::Unsupported)?, PidfdFlags::empty())?;
    pidfd_getfd(ourselves, number, PidfdGetfdFlags::empty()).map_err(|error| match io::Error::from(error) {
        error if error.raw_os_error() == Some(libc::EBADF) => {
            io::Error::new(ErrorKind::NotFound, format!("descriptor {number} is not open"))
        }
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            let text = format!("descriptor {number} cannot be taken: the system forbids `pidfd_getfd` (Linux 5.6)");
            io::Error::new(error.kind(), text)
        }
        error => error,
    })
}

/// A socket that systemd, or who does as it does, opened for this process.
pub(super) fn from_systemd(server: &SystemdServer) -> io::Result<OwnedFd> {
    let names = names(|key| env::var(key).ok(), process::id())?;
    let descriptor = descriptor(number(&names, &server.which)?)?;
    match SockRef::from(&descriptor).domain() {
        Ok(found) if found != family(server.domain) => {
            let text = format!("systemd hands over a socket of another domain than {:?}", server.domain);
            Err(io::Error::new(ErrorKind::InvalidInput, text))
        }
        _ => Ok(descriptor),
    }
}

const fn family(domain: Domain) -> socket2::Domain {
    match domain {
        Domain::Inet => socket2::Domain::IPV4,
        Domain::Inet6 => socket2::Domain::IPV6,
        Domain::Unix => socket2::Domain::UNIX,
    }
}

/// The first descriptor that is handed over, as `sd_listen_fds` has it.
const FIRST: usize = 3;

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

fn number(names: &[String], which: &Handed) -> io::Result<i32> {
    let index = match which {
        Handed::Index(index) => Some(*index).filter(|index| *index < names.len()),
        Handed::Name(wanted) => names.iter().position(|name| name == wanted),
    };
    let missing = || {
        let (count, names) = (names.len(), names.join(", "));
        io::Error::new(ErrorKind::NotFound, format!("systemd hands over {count} descriptors, by the names of: {names}"))
    };
    index.and_then(|index| (FIRST + index).try_into().ok()).ok_or_else(missing)
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
        let wanted = [Handed::Index(0), Handed::Index(2), Handed::Name("admin".into()), Handed::Name("web".into())];
        assert_eq!(wanted.map(|which| number(&names, &which).expect("a number")), [3, 5, 4, 3]);
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
        for which in [Handed::Index(2), Handed::Index(usize::MAX - FIRST), Handed::Name("ftp".into())] {
            let error = number(&names, &which).expect_err("nothing").to_string();
            assert!(error.contains("2 descriptors, by the names of: web, admin"), "{error}");
        }
    }

    #[test]
    fn a_number_that_names_nothing_is_named() {
        for number in [987_654, -1] {
            let error = descriptor(number).expect_err("nothing").to_string();
            assert_eq!(error, format!("descriptor {number} is not open"));
        }
    }
}
