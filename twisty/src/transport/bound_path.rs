//! Paths in the file system that UNIX sockets are bound to.

use std::fs::{self, File, Metadata, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{self, Path, PathBuf};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket};

/// A path, as long as a socket of ours is bound to it; it is removed then.
pub(crate) struct BoundPath {
    /// Absolute, since the program may change its directory.
    path: PathBuf,
    identity: (u64, u64),
    _lock: Option<PathLock>,
}

/// How a path is bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathOptions {
    /// Who may connect, as `chmod` takes it.
    pub(crate) mode: u32,
    /// Whether a lock is kept beside the path, as Twisted's `wantPID` does.
    pub(crate) locked: bool,
}

impl BoundPath {
    /// Binds `socket` to `path`, and has `open` make it listen.
    ///
    /// The mode is set in between: nobody can connect before. What a dead server has left at the path is removed: a socket
    /// that refuses connections. Servers that start at the same moment are kept apart by a lock on the directory, since
    /// one that is bound and does not listen yet looks dead.
    pub(crate) fn bind(
        socket: &Socket,
        path: &Path,
        options: PathOptions,
        open: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let path = path::absolute(path)?;
        let _alone = lock_directory(&path);
        let left = look_for_leftover(&path, &address, socket)?;
        let lock = options.locked.then(|| PathLock::acquire(&path)).transpose()?;
        if left {
            fs::remove_file(&path)?;
        }
        socket.bind(&address)?;
        let bound = Self { identity: identity(&fs::symlink_metadata(&path)?), path, _lock: lock };
        fs::set_permissions(&bound.path, Permissions::from_mode(options.mode))?;
        open(socket)?;
        Ok(bound)
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        let _alone = lock_directory(&self.path);
        // Somebody may have put something else there.
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the path of a socket cannot be removed");
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Keeps other servers of ours out while one looks at a path and binds it. Only they know this lock, so it is no reason to
/// fail, nor to wait for long.
fn lock_directory(path: &Path) -> Option<File> {
    const TRIES: u32 = 200;
    let directory = File::open(path.parent()?).ok()?;
    for _ in 0..TRIES {
        match directory.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            Ok(()) | Err(TryLockError::Error(_)) => break,
        }
    }
    Some(directory)
}

/// Whether there is a socket at `path` that nobody has any more; an error if there is something else.
fn look_for_leftover(path: &Path, address: &SockAddr, like: &Socket) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "there is something at this path that is no socket"));
        }
        Ok(_socket) => {}
    }
    let probe = Socket::new(Domain::UNIX, like.r#type()?, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "it is in use: another server has this socket")),
    }
}

/// A lock as Twisted's `FilesystemLock` makes it: `PATH.lock`, a symbolic link to the number of the process that holds it.
struct PathLock(PathBuf);

impl PathLock {
    fn acquire(path: &Path) -> io::Result<Self> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        if let Ok(owner) = fs::read_link(&lock) {
            Self::check(&owner, &lock)?;
            fs::remove_file(&lock)?;
        }
        symlink(own_id(), &lock)?;
        Ok(Self(lock))
    }

    /// A process has the number of one that died where there are few numbers, in a container; nobody answers on the
    /// socket, so that with our own number is not ours.
    fn check(owner: &Path, lock: &Path) -> io::Result<()> {
        if owner == own_id() || !Path::new("/proc").join(owner).exists() {
            return Ok(());
        }
        let text = format!("it is in use: process {} holds {}", owner.display(), lock.display());
        Err(io::Error::new(ErrorKind::AddrInUse, text))
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        if fs::read_link(&self.0).is_ok_and(|owner| owner == own_id()) {
            let removed = fs::remove_file(&self.0);
            tracing::debug!(?removed, lock = %self.0.display(), "a lock is given back");
        }
    }
}

fn own_id() -> PathBuf {
    std::process::id().to_string().into()
}
