//! Files, names and descriptors.
//!
//! The room for: what a file system offers ([`Inode`], [`FileSystem`]), the cache of names
//! ([`Dentry`]), mounts ([`Mount`]) and walking paths through them ([`walk`]), open files
//! ([`OpenFile`], [`FileOps`]) and their numbers ([`FdTable`]), the rules of who may do what to a
//! name ([`ops`]), advisory locks, and the objects that are files without a name: pipes, epoll,
//! eventfds, inotify. It uses `mm`, `sync`, `hal` and `abi`. File systems live in `fs`; what a
//! process is, nobody here knows: what is needed of it comes as a [`Caller`].
//!
//! Order of locks, outermost first: a file's position, a file system's rename lock or the tree of
//! mounts, directories (ancestor first), a directory's table of names, a file's data. Each is let go
//! before anybody waits for readiness.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod abilities;
pub mod anon;
mod appear;
mod attached;
pub mod attr;
mod attr_change;
mod caller;
pub mod clock;
mod close;
mod dentry;
mod dir_dots;
pub mod dnotify;
pub mod epoll;
pub mod eventfd;
mod fd_table;
mod file;
mod file_ops;
mod fs_context;
pub mod handle;
mod inode;
pub mod inotify;
pub mod lease;
pub mod lock;
pub mod lock_list;
mod mapped;
pub mod mount;
mod mount_ns;
pub mod mount_text;
pub mod name_hash;
mod name_table;
pub mod notify;
pub mod ops;
pub mod owner;
mod path;
pub mod perm;
pub mod pipe;
pub mod seek;
pub mod special;
pub mod superblock;
pub mod timerfd;
pub mod walk;

pub use abilities::Abilities;
pub use anon::anon_file;
pub use attached::Attached;
pub use attr::{Attributes, FileType, InodeFlags, Metadata, Times, Timestamp};
pub use attr_change::apply as apply_attr;
pub use caller::Caller;
pub use close::close;
pub use dentry::{AnonName, Cached, Dentry, DirGuard, DirState};
pub use dir_dots::dots;
pub use fd_table::{Fd, FdTable, NR_OPEN, Reservation};
pub use file::{OpenFile, open_files};
pub use file_ops::{AT_END, DirSink, FileOps, MmapRequest, PathOnly, Whence};
pub use fs_context::FsContext;
pub use inode::{Inode, LinkTarget, NewNode, OpenRequest, SetAttr, same_inode};
pub use mount::{Mount, MountFlags};
pub use mount_ns::MountNs;
pub use path::{Path, PathText};
pub use perm::Access;
pub use special::{CharDevice, register_chrdev};
pub use superblock::{FileSystem, FileSystemType, SuperBlock};
pub use walk::{LookupFlags, Start, lookup, lookup_parent};
