//! Where names lead: paths through their inode, abstract names through a table.

use super::address::{Address, Written};
use super::{Kind, UnixSocket};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use sync::{SpinLock, rank};
use vfs::walk::{LookupFlags, Start};
use vfs::{Access, Caller, FileType, NewNode, Path};

/// What a bound socket holds on to: its name, and for a path the file, so that the inode lives as
/// long as the binding.
#[derive(Debug)]
pub struct Binding {
    /// The name as it was bound.
    pub address: Arc<Address>,
    /// Held so that the inode outlives the binding.
    place: Option<Place>,
}

/// The file of a path name.
struct Place(Path);

impl Binding {
    /// The file of a path name.
    pub fn path(&self) -> Option<Path> {
        self.place.as_ref().map(|place| place.0.clone())
    }
}

impl core::fmt::Debug for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Place")
    }
}

/// Sockets of different types may share a name.
type Key = (Kind, Box<[u8]>);

static ABSTRACT: SpinLock<BTreeMap<Key, Weak<UnixSocket>>, { rank::LEAF }> =
    SpinLock::new(BTreeMap::new());

/// Names autobind can give.
const AUTOMATIC: u32 = 1 << 20;

/// Binds a socket to a name.
///
/// # Errors
/// `EADDRINUSE`: the name is taken. For a path, what making a file there fails with.
pub fn bind(
    socket: &Arc<UnixSocket>,
    address: Address,
    caller: &dyn Caller,
) -> Result<Arc<Binding>> {
    match address {
        Address::Abstract(name) => bind_abstract(socket, name),
        Address::Path(path) => bind_path(socket, path, caller),
        Address::Unnamed => Err(Errno::EINVAL),
    }
}

fn bind_abstract(socket: &Arc<UnixSocket>, name: Box<[u8]>) -> Result<Arc<Binding>> {
    let key = (socket.kind, name.clone());
    let mut table = ABSTRACT.lock();
    if table.contains_key(&key) {
        drop(table);
        return Err(Errno::EADDRINUSE);
    }
    table.insert(key, Arc::downgrade(socket));
    drop(table);
    Ok(Arc::new(Binding {
        address: Arc::new(Address::Abstract(name)),
        place: None,
    }))
}

/// Binds a socket to the next free name of five hexadecimal digits.
///
/// # Errors
/// `ENOSPC`: all are taken.
pub fn bind_automatically(socket: &Arc<UnixSocket>) -> Result<Arc<Binding>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..AUTOMATIC {
        let number = NEXT.fetch_add(1, Relaxed) % AUTOMATIC;
        if let Address::Abstract(name) = Address::automatic(number)
            && let Ok(binding) = bind_abstract(socket, name)
        {
            return Ok(binding);
        }
    }
    Err(Errno::ENOSPC)
}

fn bind_path(
    socket: &Arc<UnixSocket>,
    path: Box<[u8]>,
    caller: &dyn Caller,
) -> Result<Arc<Binding>> {
    let fs = caller.fs();
    let start = Start {
        fs: &fs,
        base: None,
        cred: caller.cred(),
    };
    let place =
        vfs::ops::create::create(&start, &path, NewNode::Socket, 0o777).map_err(|error| {
            if error == Errno::EEXIST {
                Errno::EADDRINUSE
            } else {
                error
            }
        })?;
    // The inode knows the socket weakly: its file outlives it.
    place
        .inode()
        .attr()
        .attached()
        .object_or_insert(socket.clone());
    Ok(Arc::new(Binding {
        address: Arc::new(Address::Path(path)),
        place: Some(Place(place)),
    }))
}

/// The socket of a name.
///
/// # Errors
/// `ECONNREFUSED`: nobody there. `EPROTOTYPE`: a socket of another type. For a path, what walking
/// it fails with, and `EACCES` without permission to write to the file.
pub fn find(address: Written<'_>, kind: Kind, caller: &dyn Caller) -> Result<Arc<UnixSocket>> {
    let socket = match address {
        Written::Unnamed => return Err(Errno::ECONNREFUSED),
        Written::Abstract(name) => {
            let key = (kind, name.into());
            ABSTRACT.lock().get(&key).and_then(Weak::upgrade)
        }
        Written::Path(path) => {
            let fs = caller.fs();
            let start = Start {
                fs: &fs,
                base: None,
                cred: caller.cred(),
            };
            let place = vfs::walk::lookup(&start, path, LookupFlags::FOLLOW)?;
            let inode = place.inode();
            inode.permission(caller.cred(), Access::WRITE)?;
            if inode.attr().file_type() != FileType::Socket {
                return Err(Errno::ECONNREFUSED);
            }
            let object = inode
                .attr()
                .existing_attached()
                .and_then(|attached| attached.object());
            object.and_then(|object| object.downcast::<UnixSocket>().ok())
        }
    };
    let socket = socket
        .filter(|socket| !socket.link.lock().closed)
        .ok_or(Errno::ECONNREFUSED)?;
    if socket.kind == kind {
        Ok(socket)
    } else {
        Err(Errno::EPROTOTYPE)
    }
}

/// Takes back a binding that came too late: the socket has another name.
pub fn undo(socket: &UnixSocket, binding: &Binding, caller: &dyn Caller) {
    release(socket, binding);
    if let Address::Path(path) = &*binding.address {
        let fs = caller.fs();
        let start = Start {
            fs: &fs,
            base: None,
            cred: caller.cred(),
        };
        // Whoever took its place meanwhile keeps it.
        let _ = vfs::ops::remove::unlink(&start, path);
    }
}

/// A socket lets its name go. An accepted socket shares its listener's and owns none.
pub fn release(socket: &UnixSocket, binding: &Binding) {
    if let Address::Abstract(name) = &*binding.address {
        let key = (socket.kind, name.clone());
        let mut table = ABSTRACT.lock();
        let owned = table
            .get(&key)
            .is_some_and(|weak| core::ptr::eq(weak.as_ptr(), socket));
        let gone = if owned { table.remove(&key) } else { None };
        drop(table);
        drop(gone);
    }
}
