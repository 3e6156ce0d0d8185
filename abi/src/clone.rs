//! Making threads and processes, and waiting for them (`man 2 clone`, `man 2 wait4`, `man 2 waitid`).

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags! {
    /// `CLONE_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CloneFlags: u64 {
        /// Share memory.
        const VM = 0x100;
        /// Share root, working directory and umask.
        const FS = 0x200;
        /// Share descriptors.
        const FILES = 0x400;
        /// Share signal actions.
        const SIGHAND = 0x800;
        /// Give the parent a pidfd.
        const PIDFD = 0x1000;
        /// Trace the child too.
        const PTRACE = 0x2000;
        /// The parent sleeps until the child leaves its memory.
        const VFORK = 0x4000;
        /// The child's parent is the caller's.
        const PARENT = 0x8000;
        /// A thread of the same process.
        const THREAD = 0x1_0000;
        /// A mount namespace of its own.
        const NEWNS = 0x2_0000;
        /// Share System V semaphore undo.
        const SYSVSEM = 0x4_0000;
        /// Set the thread pointer.
        const SETTLS = 0x8_0000;
        /// Write the number in the parent's memory.
        const PARENT_SETTID = 0x10_0000;
        /// Clear the word and wake its futex at the end.
        const CHILD_CLEARTID = 0x20_0000;
        /// Without meaning since Linux 2.6.
        const DETACHED = 0x40_0000;
        /// Do not trace the child.
        const UNTRACED = 0x80_0000;
        /// Write the number in the child's memory.
        const CHILD_SETTID = 0x100_0000;
        /// A cgroup namespace of its own.
        const NEWCGROUP = 0x200_0000;
        /// A UTS namespace of its own.
        const NEWUTS = 0x400_0000;
        /// An IPC namespace of its own.
        const NEWIPC = 0x800_0000;
        /// A user namespace of its own.
        const NEWUSER = 0x1000_0000;
        /// A PID namespace of its own.
        const NEWPID = 0x2000_0000;
        /// A network namespace of its own.
        const NEWNET = 0x4000_0000;
        /// Share the I/O context.
        const IO = 0x8000_0000;
        /// Handlers become defaults (`clone3`).
        const CLEAR_SIGHAND = 0x1_0000_0000;
        /// Born in a given cgroup (`clone3`).
        const INTO_CGROUP = 0x2_0000_0000;
        /// A time namespace of its own (`clone3`, in the bits of the exit signal).
        const NEWTIME = 0x80;
        /// All that ask for a namespace.
        const NAMESPACES = 0x7e02_0000 | 0x80;
    }
}

/// The bits of `clone`'s flags that are the exit signal.
pub const CSIGNAL: u64 = 0xff;

/// `struct clone_args`, version 2.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloneArgs {
    /// [`CloneFlags`].
    pub flags: u64,
    /// Where the pidfd goes.
    pub pidfd: u64,
    /// Where the child finds its number.
    pub child_tid: u64,
    /// Where the parent finds it.
    pub parent_tid: u64,
    /// Signal to the parent at the end.
    pub exit_signal: u64,
    /// Lowest address of the stack.
    pub stack: u64,
    /// Its size.
    pub stack_size: u64,
    /// Thread pointer.
    pub tls: u64,
    /// Numbers wanted, innermost namespace first.
    pub set_tid: u64,
    /// How many.
    pub set_tid_size: u64,
    /// Descriptor of a cgroup.
    pub cgroup: u64,
}
const _: () = assert!(size_of::<CloneArgs>() == 88);

/// Size of the first version of [`CloneArgs`].
pub const CLONE_ARGS_SIZE_VER0: usize = 64;

/// `WNOHANG`.
pub const WNOHANG: u32 = 1;
/// `WUNTRACED`, `WSTOPPED`.
pub const WUNTRACED: u32 = 2;
/// `WEXITED`.
pub const WEXITED: u32 = 4;
/// `WCONTINUED`.
pub const WCONTINUED: u32 = 8;
/// `WNOWAIT`.
pub const WNOWAIT: u32 = 0x0100_0000;
/// `__WNOTHREAD`.
pub const WNOTHREAD: u32 = 0x2000_0000;
/// `__WALL`.
pub const WALL: u32 = 0x4000_0000;
/// `__WCLONE`.
pub const WCLONE: u32 = 0x8000_0000;

/// `P_ALL`.
pub const P_ALL: i32 = 0;
/// `P_PID`.
pub const P_PID: i32 = 1;
/// `P_PGID`.
pub const P_PGID: i32 = 2;
/// `P_PIDFD`.
pub const P_PIDFD: i32 = 3;

/// `struct rusage` (with `struct timeval` as pairs of seconds and microseconds).
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Rusage {
    /// Time in the program.
    pub utime: [i64; 2],
    /// Time in the kernel.
    pub stime: [i64; 2],
    /// Greatest resident size, KiB.
    pub maxrss: i64,
    /// Always 0 on Linux: shared, unshared data and stack sizes.
    pub sizes: [i64; 3],
    /// Minor faults.
    pub minflt: i64,
    /// Major faults.
    pub majflt: i64,
    /// Always 0 on Linux.
    pub nswap: i64,
    /// Blocks read.
    pub inblock: i64,
    /// Blocks written.
    pub oublock: i64,
    /// Always 0 on Linux: messages sent, received, signals.
    pub messages: [i64; 3],
    /// Voluntary switches.
    pub nvcsw: i64,
    /// Involuntary switches.
    pub nivcsw: i64,
}
const _: () = assert!(size_of::<Rusage>() == 144);
