//! Ranks of locks, outermost lowest. A thread takes locks in rising rank; two of one rank only through
//! `lock_nested`, whose caller has an order of his own (parent before child, lower address first).
//!
//! Checked in debug builds and under the feature `lockdep`: an inversion and a sleep with a spin lock
//! held panic there.

/// The position of an open file: held over the whole of a read or write that moves it.
pub const FILE_POSITION: u8 = 2;
/// The tree of processes: parents, groups, sessions, the table of ids.
pub const PROCESS: u8 = 5;
/// A descriptor table.
pub const FD_TABLE: u8 = 10;
/// An address space.
pub const MM: u8 = 20;
/// The rename order of a file system, and the mount table.
pub const RENAME: u8 = 30;
/// An inode.
pub const INODE: u8 = 40;
/// The names below a directory (dentry cache).
pub const DENTRY: u8 = 45;
/// A memory object: truncation against faults.
pub const MEM_OBJECT: u8 = 50;
/// The order in which epoll instances are tied into each other.
pub const EPOLL_NESTING: u8 = 52;
/// An epoll instance; it asks its files for their readiness with this held.
pub const EPOLL: u8 = 53;
/// Pipes, eventfds and the like.
pub const FILE: u8 = 55;
/// A socket.
pub const SOCKET: u8 = 60;
/// Tables of sockets: ports, abstract names, descriptors in flight.
pub const SOCKET_TABLE: u8 = 65;
/// A display: what is shown, and what programs have made for it.
pub const DISPLAY: u8 = 78;
/// A terminal.
pub const TTY: u8 = 80;
/// Signals and what else a process's threads share.
pub const SIGNAL: u8 = 82;
/// Futex buckets.
pub const FUTEX: u8 = 84;
/// Timers of processes.
pub const PROCESS_TIMER: u8 = 86;
/// A device.
pub const DEVICE: u8 = 88;
/// A list of who waits.
pub const WAIT_QUEUE: u8 = 90;
/// A processor's run queue.
pub const RUN_QUEUE: u8 = 100;
/// A processor's timers.
pub const TIMER_QUEUE: u8 = 110;
/// Frames of memory.
pub const FRAMES: u8 = 120;
/// What is held for a few instructions and calls nothing: names, counters, lists of drops.
pub const LEAF: u8 = 200;
