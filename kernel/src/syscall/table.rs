//! The one table of system calls.
//!
//! A line names the number, the family's file, the handler and its typed parameters. From it come
//! dispatch, argument conversion, the tracer's decoding and `docs/syscalls.md`. A number without a
//! line returns `ENOSYS`.

use abi::{Errno, Result};

use super::Cx;
use super::args::*;
use super::trace::{Kind, TraceArg};
use abi::clone::Rusage;
use abi::epoll::EpollEvent;
use abi::futex::FutexWaitv;
use abi::poll::{PollFd, SigSetArg};
use abi::sched::SchedParam;
use abi::signal::{RawSigInfo, SigAction, SigSet, SigStack};
use abi::socket::{MMsgHdr, MsgHdr};
use abi::stat::{Stat, Statfs, Statx};
use abi::time::{Itimerspec, Itimerval, Sigevent, Timespec, Timeval, Timex, Timezone};
use hal::addr::UserAddr;
use hal::ucopy::UserPtr;

/// One past the highest number the table can hold.
pub const LEN: usize = 480;

/// The argument registers at the moment of the call.
pub type Registers = [u64; 6];

/// A handler behind its argument conversion.
///
/// It answers what x0 becomes; an errno it has told the context of ([`Cx::fail`]).
pub type Handler = fn(&mut Cx<'_>) -> u64;

/// What the kernel knows of one number.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The parameters that are addresses, a bit each.
    pub addresses: u8,
    /// How the tracer shows each argument.
    pub kinds: [Kind; 6],
    /// Linux's name; empty for a number without a line.
    pub name: &'static str,
    /// The handler's file. The page about the table has it; the kernel itself does not.
    #[cfg(not(target_os = "none"))]
    pub family: &'static str,
    /// `name: Type` of each parameter.
    #[cfg(not(target_os = "none"))]
    pub params: &'static [&'static str],
}

/// Takes the registers one after the other; folds to plain loads when inlined.
struct Take<'a>(&'a Registers, usize);

impl Take<'_> {
    #[inline(always)]
    fn next<T: FromArg>(&mut self) -> T {
        let raw = self.0.get(self.1).copied().unwrap_or(0);
        self.1 += 1;
        T::from_arg(raw)
    }
}

/// What a number without a line does.
pub fn unknown(cx: &mut Cx<'_>) -> u64 {
    cx.fail(Errno::ENOSYS)
}

/// The handler of a number in the table; one without a line has one that says so.
#[inline(always)]
pub fn handler(number: usize) -> Option<Handler> {
    HANDLERS.get(number).copied()
}

/// The entry of every number that has no line.
pub static UNKNOWN: Entry = UNKNOWN_COPY;

/// The entry of a number; [`UNKNOWN`] beyond the table and in its holes.
#[inline(always)]
pub fn entry(number: usize) -> &'static Entry {
    TABLE.get(number).unwrap_or(&UNKNOWN)
}

macro_rules! syscalls {
    ($($nr:literal => $family:ident :: $name:ident ( $($arg:ident : $ty:ty),* $(,)? );)*) => {
        mod shims {
            use super::*;
            $(
                #[allow(unused_mut, unused_variables, reason = "a call may take no arguments")]
                pub(super) fn $name(cx: &mut Cx<'_>) -> u64 {
                    let args = cx.regs.arguments();
                    let mut take = Take(&args, 0);
                    $(let $arg: $ty = take.next();)*
                    let result: Result<usize> = super::super::$family::$name(cx, $($arg),*);
                    match result {
                        Ok(value) => value as u64,
                        Err(errno) => cx.fail(errno),
                    }
                }
            )*
        }
        /// Every call by number.
        pub static TABLE: [Entry; LEN] = {
            let mut table = [UNKNOWN_COPY; LEN];
            $(
                table[$nr] = Entry {
                    addresses: {
                        #[allow(unused_mut, reason = "a call may take no arguments")]
                        let mut mask = 0;
                        #[allow(unused, reason = "a call may take no arguments")]
                        let mut bit = 1u8;
                        $(
                            if <$ty as FromArg>::ADDRESS {
                                mask |= bit;
                            }
                            bit <<= 1;
                        )*
                        let _ = bit;
                        mask
                    },
                    kinds: {
                        let shown: &[Kind] = &[$(<$ty as TraceArg>::KIND),*];
                        let mut kinds = [Kind::Absent; 6];
                        let (taken, _) = kinds.split_at_mut(shown.len());
                        taken.copy_from_slice(shown);
                        kinds
                    },
                    name: stringify!($name),
                    #[cfg(not(target_os = "none"))]
                    family: stringify!($family),
                    #[cfg(not(target_os = "none"))]
                    params: &[$(concat!(stringify!($arg), ": ", stringify!($ty))),*],
                };
            )*
            table
        };
        /// The calls themselves.
        static HANDLERS: [Handler; LEN] = {
            let mut handlers = [unknown as Handler; LEN];
            $(handlers[$nr] = shims::$name;)*
            handlers
        };
        $(const _: () = assert!(
            same_text(stringify!($name), name_of($nr)),
            concat!("the name of ", stringify!($nr), " is not Linux's")
        );)*
    };
}

const UNKNOWN_COPY: Entry = Entry {
    addresses: 0,
    kinds: [Kind::Hex; 6],
    name: "",
    #[cfg(not(target_os = "none"))]
    family: "",
    #[cfg(not(target_os = "none"))]
    params: &[],
};

const fn name_of(number: usize) -> &'static str {
    match abi::nr::name(number) {
        Some(name) => name,
        None => "",
    }
}

const fn same_text(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated at compile time, in bounds"
        )]
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

// One line a call, in numeric order.
syscalls! {
    5 => xattr::setxattr(path: PathPtr, name: StrPtr, value: UserAddr, size: usize, flags: Flags);
    6 => xattr::lsetxattr(path: PathPtr, name: StrPtr, value: UserAddr, size: usize, flags: Flags);
    7 => xattr::fsetxattr(fd: Fd, name: StrPtr, value: UserAddr, size: usize, flags: Flags);
    8 => xattr::getxattr(path: PathPtr, name: StrPtr, value: UserAddr, size: usize);
    9 => xattr::lgetxattr(path: PathPtr, name: StrPtr, value: UserAddr, size: usize);
    10 => xattr::fgetxattr(fd: Fd, name: StrPtr, value: UserAddr, size: usize);
    11 => xattr::listxattr(path: PathPtr, names: UserAddr, size: usize);
    12 => xattr::llistxattr(path: PathPtr, names: UserAddr, size: usize);
    13 => xattr::flistxattr(fd: Fd, names: UserAddr, size: usize);
    14 => xattr::removexattr(path: PathPtr, name: StrPtr);
    15 => xattr::lremovexattr(path: PathPtr, name: StrPtr);
    16 => xattr::fremovexattr(fd: Fd, name: StrPtr);
    17 => cwd::getcwd(buf: UserAddr, size: usize);
    19 => eventfd::eventfd2(count: u32, flags: Flags);
    20 => epoll::epoll_create1(flags: Flags);
    21 => epoll::epoll_ctl(epfd: Fd, operation: i32, fd: Fd, event: UserPtr<EpollEvent>);
    22 => epoll::epoll_pwait(epfd: Fd, events: UserPtr<EpollEvent>, most: i32, millis: i32, mask: UserPtr<SigSet>, size: usize);
    23 => descriptor::dup(fd: Fd);
    24 => descriptor::dup3(from: Fd, to: Fd, flags: Flags);
    25 => fcntl::fcntl(fd: Fd, command: u32, arg: u64);
    26 => inotify::inotify_init1(flags: Flags);
    27 => inotify::inotify_add_watch(fd: Fd, path: PathPtr, mask: Flags);
    28 => inotify::inotify_rm_watch(fd: Fd, watch: i32);
    29 => ioctl::ioctl(fd: Fd, command: u32, arg: UserAddr);
    30 => ioprio::ioprio_set(which: i32, who: i32, priority: i32);
    31 => ioprio::ioprio_get(which: i32, who: i32);
    32 => flock::flock(fd: Fd, operation: Flags);
    33 => names::mknodat(dir: DirFd, path: PathPtr, mode: Mode, dev: u32);
    34 => names::mkdirat(dir: DirFd, path: PathPtr, mode: Mode);
    35 => names::unlinkat(dir: DirFd, path: PathPtr, flags: Flags);
    36 => names::symlinkat(target: PathPtr, dir: DirFd, path: PathPtr);
    37 => names::linkat(old_dir: DirFd, old: PathPtr, new_dir: DirFd, new: PathPtr, flags: Flags);
    38 => names::renameat(old_dir: DirFd, old: PathPtr, new_dir: DirFd, new: PathPtr);
    39 => mount::umount2(target: PathPtr, flags: Flags);
    40 => mount::mount(source: StrPtr, target: PathPtr, kind: StrPtr, flags: u64, data: UserAddr);
    41 => mount::pivot_root(new_root: PathPtr, put_old: PathPtr);
    43 => statfs::statfs(path: PathPtr, buf: UserPtr<Statfs>);
    44 => statfs::fstatfs(fd: Fd, buf: UserPtr<Statfs>);
    45 => attr::truncate(path: PathPtr, size: i64);
    46 => size::ftruncate(fd: Fd, size: i64);
    47 => size::fallocate(fd: Fd, mode: Flags, offset: i64, len: i64);
    48 => access::faccessat(dir: DirFd, path: PathPtr, mode: u32);
    49 => cwd::chdir(path: PathPtr);
    50 => cwd::fchdir(fd: Fd);
    51 => cwd::chroot(path: PathPtr);
    52 => attr::fchmod(fd: Fd, mode: Mode);
    53 => attr::fchmodat(dir: DirFd, path: PathPtr, mode: Mode);
    54 => attr::fchownat(dir: DirFd, path: PathPtr, uid: u32, gid: u32, flags: Flags);
    55 => attr::fchown(fd: Fd, uid: u32, gid: u32);
    56 => open::openat(dir: DirFd, path: PathPtr, flags: Flags, mode: Mode);
    57 => descriptor::close(fd: Fd);
    58 => terminal::vhangup();
    59 => descriptor::pipe2(pair: UserPtr<[i32; 2]>, flags: Flags);
    61 => getdents::getdents64(fd: Fd, buf: UserAddr, len: u32);
    62 => read_write::lseek(fd: Fd, offset: i64, whence: i32);
    63 => read_write::read(fd: Fd, buf: UserAddr, len: usize);
    64 => read_write::write(fd: Fd, buf: UserAddr, len: usize);
    65 => read_write::readv(fd: Fd, vector: UserAddr, count: usize);
    66 => read_write::writev(fd: Fd, vector: UserAddr, count: usize);
    67 => read_write::pread64(fd: Fd, buf: UserAddr, len: usize, offset: i64);
    68 => read_write::pwrite64(fd: Fd, buf: UserAddr, len: usize, offset: i64);
    69 => read_write::preadv(fd: Fd, vector: UserAddr, count: usize, offset: i64, high: u64);
    70 => read_write::pwritev(fd: Fd, vector: UserAddr, count: usize, offset: i64, high: u64);
    71 => copy::sendfile(fd_out: Fd, fd_in: Fd, offset: UserPtr<i64>, count: usize);
    72 => select::pselect6(count: i32, read: UserAddr, write: UserAddr, except: UserAddr, timeout: UserPtr<Timespec>, mask: UserPtr<SigSetArg>);
    73 => poll::ppoll(fds: UserPtr<PollFd>, count: u32, timeout: UserPtr<Timespec>, mask: UserPtr<SigSet>, size: usize);
    74 => signalfd::signalfd4(fd: Fd, mask: UserPtr<SigSet>, size: usize, flags: Flags);
    75 => splice::vmsplice(fd: Fd, vector: UserAddr, count: usize, flags: Flags);
    76 => splice::splice(fd_in: Fd, offset_in: UserPtr<i64>, fd_out: Fd, offset_out: UserPtr<i64>, len: usize, flags: Flags);
    77 => splice::tee(fd_in: Fd, fd_out: Fd, len: usize, flags: Flags);
    78 => names::readlinkat(dir: DirFd, path: PathPtr, buf: UserAddr, size: i32);
    79 => stat::newfstatat(dir: DirFd, path: PathPtr, buf: UserPtr<Stat>, flags: Flags);
    80 => stat::fstat(fd: Fd, buf: UserPtr<Stat>);
    81 => writeback::sync();
    82 => writeback::fsync(fd: Fd);
    83 => writeback::fdatasync(fd: Fd);
    84 => writeback::sync_file_range(fd: Fd, offset: i64, len: i64, flags: Flags);
    85 => timerfd::timerfd_create(clock: i32, flags: i32);
    86 => timerfd::timerfd_settime(fd: Fd, flags: Flags, new: UserPtr<Itimerspec>, old: UserPtr<Itimerspec>);
    87 => timerfd::timerfd_gettime(fd: Fd, current: UserPtr<Itimerspec>);
    88 => attr::utimensat(dir: DirFd, path: PathPtr, times: UserPtr<[Timespec; 2]>, flags: Flags);
    90 => cred::capget(header: UserPtr<u32>, data: UserPtr<u32>);
    91 => cred::capset(header: UserPtr<u32>, data: UserPtr<u32>);
    92 => rlimit::personality(persona: u32);
    93 => exit_wait::exit(status: i32);
    94 => exit_wait::exit_group(status: i32);
    95 => exit_wait::waitid(kind: i32, id: PidArg, info: UserPtr<RawSigInfo>, options: Flags, usage: UserPtr<Rusage>);
    96 => process::set_tid_address(word: UserAddr);
    97 => process::unshare(flags: u64);
    98 => futex::futex(word: UserAddr, operation: u32, value: u32, timeout: UserAddr, other: UserAddr, third: u32);
    99 => futex::set_robust_list(head: UserAddr, length: usize);
    100 => futex::get_robust_list(tid: PidArg, head: UserPtr<u64>, length: UserPtr<u64>);
    101 => sleep::nanosleep(time: UserPtr<Timespec>, left: UserPtr<Timespec>);
    102 => timer::getitimer(which: i32, now: UserPtr<Itimerval>);
    103 => timer::setitimer(which: i32, new: UserPtr<Itimerval>, old: UserPtr<Itimerval>);
    107 => timer::timer_create(clock: i32, event: UserPtr<Sigevent>, id: UserPtr<i32>);
    108 => timer::timer_gettime(id: i32, now: UserPtr<Itimerspec>);
    109 => timer::timer_getoverrun(id: i32);
    110 => timer::timer_settime(id: i32, flags: i32, new: UserPtr<Itimerspec>, old: UserPtr<Itimerspec>);
    111 => timer::timer_delete(id: i32);
    112 => clock::clock_settime(clock: i32, time: UserPtr<Timespec>);
    113 => clock::clock_gettime(clock: i32, time: UserPtr<Timespec>);
    114 => clock::clock_getres(clock: i32, grain: UserPtr<Timespec>);
    115 => sleep::clock_nanosleep(clock: i32, flags: i32, time: UserPtr<Timespec>, left: UserPtr<Timespec>);
    116 => sysinfo::syslog(action: i32, buf: UserAddr, length: i32);
    118 => policy::sched_setparam(tid: PidArg, param: UserPtr<SchedParam>);
    119 => policy::sched_setscheduler(tid: PidArg, policy: i32, param: UserPtr<SchedParam>);
    120 => policy::sched_getscheduler(tid: PidArg);
    121 => policy::sched_getparam(tid: PidArg, param: UserPtr<SchedParam>);
    122 => sched::sched_setaffinity(tid: PidArg, length: u32, mask: UserAddr);
    123 => sched::sched_getaffinity(tid: PidArg, length: u32, mask: UserAddr);
    124 => sched::sched_yield();
    125 => policy::sched_get_priority_max(policy: i32);
    126 => policy::sched_get_priority_min(policy: i32);
    127 => policy::sched_rr_get_interval(tid: PidArg, interval: UserPtr<Timespec>);
    128 => signal::restart_syscall();
    129 => signal::kill(pid: PidArg, sig: Sig);
    130 => signal::tkill(tid: PidArg, sig: Sig);
    131 => signal::tgkill(tgid: PidArg, tid: PidArg, sig: Sig);
    132 => signal::sigaltstack(new: UserPtr<SigStack>, old: UserPtr<SigStack>);
    133 => signal::rt_sigsuspend(set: UserPtr<SigSet>, size: usize);
    134 => signal::rt_sigaction(sig: Sig, new: UserPtr<SigAction>, old: UserPtr<SigAction>, size: usize);
    135 => signal::rt_sigprocmask(how: i32, new: UserPtr<SigSet>, old: UserPtr<SigSet>, size: usize);
    136 => signal::rt_sigpending(set: UserPtr<SigSet>, size: usize);
    137 => signal::rt_sigtimedwait(set: UserPtr<SigSet>, info: UserPtr<RawSigInfo>, timeout: UserPtr<Timespec>, size: usize);
    138 => signal::rt_sigqueueinfo(pid: PidArg, sig: Sig, info: UserPtr<RawSigInfo>);
    139 => signal::rt_sigreturn();
    140 => priority::setpriority(which: i32, who: i32, nice: i32);
    141 => priority::getpriority(which: i32, who: i32);
    142 => sysinfo::reboot(magic: u32, magic2: u32, command: u32, text: UserAddr);
    143 => cred::setregid(gid: u32, egid: u32);
    144 => cred::setgid(gid: u32);
    145 => cred::setreuid(uid: u32, euid: u32);
    146 => cred::setuid(uid: u32);
    147 => cred::setresuid(uid: u32, euid: u32, suid: u32);
    148 => cred::getresuid(uid: UserPtr<u32>, euid: UserPtr<u32>, suid: UserPtr<u32>);
    149 => cred::setresgid(gid: u32, egid: u32, sgid: u32);
    150 => cred::getresgid(gid: UserPtr<u32>, egid: UserPtr<u32>, sgid: UserPtr<u32>);
    151 => cred::setfsuid(uid: u32);
    152 => cred::setfsgid(gid: u32);
    153 => rlimit::times(buf: UserPtr<[i64; 4]>);
    154 => process::setpgid(pid: PidArg, group: PidArg);
    155 => process::getpgid(pid: PidArg);
    156 => process::getsid(pid: PidArg);
    157 => process::setsid();
    158 => cred::getgroups(size: i32, list: UserPtr<u32>);
    159 => cred::setgroups(size: i32, list: UserPtr<u32>);
    160 => sysinfo::uname(buf: UserAddr);
    161 => sysinfo::sethostname(name: UserAddr, length: i32);
    162 => sysinfo::setdomainname(name: UserAddr, length: i32);
    163 => rlimit::getrlimit(resource: u32, limit: UserPtr<[u64; 2]>);
    164 => rlimit::setrlimit(resource: u32, limit: UserPtr<[u64; 2]>);
    165 => rlimit::getrusage(who: i32, usage: UserPtr<Rusage>);
    166 => cwd::umask(mask: Mode);
    167 => prctl::prctl(option: i32, arg2: u64, arg3: u64, arg4: u64, arg5: u64);
    168 => sched::getcpu(cpu: UserPtr<u32>, node: UserPtr<u32>, cache: UserAddr);
    169 => clock::gettimeofday(time: UserPtr<Timeval>, zone: UserPtr<Timezone>);
    170 => clock::settimeofday(time: UserPtr<Timeval>, zone: UserPtr<Timezone>);
    171 => adjtime::adjtimex(timex: UserPtr<Timex>);
    172 => process::getpid();
    173 => process::getppid();
    174 => cred::getuid();
    175 => cred::geteuid();
    176 => cred::getgid();
    177 => cred::getegid();
    178 => process::gettid();
    179 => sysinfo::sysinfo(buf: UserAddr);
    198 => socket::socket(domain: i32, kind: u32, protocol: i32);
    199 => socket::socketpair(domain: i32, kind: u32, protocol: i32, pair: UserPtr<[i32; 2]>);
    200 => socket::bind(fd: Fd, address: UserAddr, len: i32);
    201 => socket::listen(fd: Fd, backlog: u32);
    202 => socket::accept(fd: Fd, address: UserAddr, len: UserPtr<i32>);
    203 => socket::connect(fd: Fd, address: UserAddr, len: i32);
    204 => socket::getsockname(fd: Fd, address: UserAddr, len: UserPtr<i32>);
    205 => socket::getpeername(fd: Fd, address: UserAddr, len: UserPtr<i32>);
    206 => socket::sendto(fd: Fd, buf: UserAddr, len: usize, flags: Flags, address: UserAddr, address_len: i32);
    207 => socket::recvfrom(fd: Fd, buf: UserAddr, len: usize, flags: Flags, address: UserAddr, address_len: UserPtr<i32>);
    208 => socket::setsockopt(fd: Fd, level: i32, name: i32, value: UserAddr, len: i32);
    209 => socket::getsockopt(fd: Fd, level: i32, name: i32, value: UserAddr, len: UserPtr<i32>);
    210 => socket::shutdown(fd: Fd, how: u32);
    211 => socket::sendmsg(fd: Fd, message: UserPtr<MsgHdr>, flags: Flags);
    212 => socket::recvmsg(fd: Fd, message: UserPtr<MsgHdr>, flags: Flags);
    213 => writeback::readahead(fd: Fd, offset: i64, count: usize);
    214 => memory::brk(to: UserAddr);
    215 => memory::munmap(addr: UserAddr, len: usize);
    216 => memory::mremap(old: UserAddr, old_len: usize, new_len: usize, flags: u32, new: UserAddr);
    220 => process::clone(flags: u64, stack: u64, parent_tid: UserAddr, tls: u64, child_tid: UserAddr);
    221 => exec::execve(path: PathPtr, argv: UserAddr, envp: UserAddr);
    222 => memory::mmap(addr: usize, len: usize, prot: u32, flags: u32, fd: Fd, offset: u64);
    223 => writeback::fadvise64(fd: Fd, offset: i64, len: i64, advice: i32);
    226 => memory::mprotect(addr: UserAddr, len: usize, prot: u32);
    227 => memory::msync(addr: UserAddr, len: usize, flags: u32);
    228 => memory::mlock(addr: UserAddr, len: usize);
    229 => memory::munlock(addr: UserAddr, len: usize);
    230 => memory::mlockall(flags: u32);
    231 => memory::munlockall();
    232 => memory::mincore(addr: UserAddr, len: usize, out: UserAddr);
    233 => memory::madvise(addr: UserAddr, len: usize, advice: i32);
    240 => signal::rt_tgsigqueueinfo(tgid: PidArg, tid: PidArg, sig: Sig, info: UserPtr<RawSigInfo>);
    242 => socket::accept4(fd: Fd, address: UserAddr, len: UserPtr<i32>, flags: u32);
    243 => socket::recvmmsg(fd: Fd, messages: UserPtr<MMsgHdr>, count: u32, flags: Flags, timeout: UserPtr<Timespec>);
    260 => exit_wait::wait4(pid: PidArg, status: UserPtr<i32>, options: Flags, usage: UserPtr<Rusage>);
    261 => rlimit::prlimit64(pid: PidArg, resource: u32, new: UserPtr<[u64; 2]>, old: UserPtr<[u64; 2]>);
    264 => handle::name_to_handle_at(dir: DirFd, path: PathPtr, to: UserPtr<[u32; 2]>, mount: UserAddr, flags: Flags);
    265 => handle::open_by_handle_at(mount: DirFd, from: UserPtr<[u32; 2]>, flags: Flags);
    266 => adjtime::clock_adjtime(clock: i32, timex: UserPtr<Timex>);
    267 => writeback::syncfs(fd: Fd);
    268 => namespace::setns(fd: Fd, flags: u32);
    269 => socket::sendmmsg(fd: Fd, messages: UserPtr<MMsgHdr>, count: u32, flags: Flags);
    270 => foreign::process_vm_readv(pid: PidArg, local: UserAddr, local_count: usize, remote: UserAddr, remote_count: usize, flags: u64);
    271 => foreign::process_vm_writev(pid: PidArg, local: UserAddr, local_count: usize, remote: UserAddr, remote_count: usize, flags: u64);
    272 => kcmp::kcmp(one: PidArg, other: PidArg, kind: i32, first: u64, second: u64);
    274 => policy::sched_setattr(tid: PidArg, attr: UserAddr, flags: u32);
    275 => policy::sched_getattr(tid: PidArg, attr: UserAddr, size: u32, flags: u32);
    276 => names::renameat2(old_dir: DirFd, old: PathPtr, new_dir: DirFd, new: PathPtr, flags: Flags);
    278 => sysinfo::getrandom(buf: UserAddr, length: usize, flags: Flags);
    279 => memory::memfd_create(name: StrPtr, flags: u32);
    281 => exec::execveat(dir: DirFd, path: PathPtr, argv: UserAddr, envp: UserAddr, flags: Flags);
    283 => memory::membarrier(command: i32, flags: u32, cpu: i32);
    284 => memory::mlock2(addr: UserAddr, len: usize, flags: u32);
    285 => copy::copy_file_range(fd_in: Fd, offset_in: UserPtr<i64>, fd_out: Fd, offset_out: UserPtr<i64>, len: usize, flags: Flags);
    286 => read_write::preadv2(fd: Fd, vector: UserAddr, count: usize, offset: i64, high: u64, flags: Flags);
    287 => read_write::pwritev2(fd: Fd, vector: UserAddr, count: usize, offset: i64, high: u64, flags: Flags);
    291 => stat::statx(dir: DirFd, path: PathPtr, flags: Flags, mask: u32, buf: UserPtr<Statx>);
    293 => futex::rseq(area: UserAddr, length: u32, flags: i32, signature: u32);
    424 => signal::pidfd_send_signal(fd: Fd, sig: Sig, info: UserPtr<RawSigInfo>, flags: Flags);
    428 => mount_tree::open_tree(dir: DirFd, path: PathPtr, flags: Flags);
    429 => mount_tree::move_mount(from_dir: DirFd, from: PathPtr, to_dir: DirFd, to: PathPtr, flags: Flags);
    430 => mount_tree::fsopen(kind: StrPtr, flags: Flags);
    431 => mount_tree::fsconfig(fd: Fd, command: u32, key: StrPtr, value: StrPtr, aux: i32);
    432 => mount_tree::fsmount(fd: Fd, flags: Flags, attrs: u32);
    433 => mount_tree::fspick(dir: DirFd, path: PathPtr, flags: Flags);
    434 => process::pidfd_open(pid: PidArg, flags: Flags);
    435 => process::clone3(args: UserAddr, size: usize);
    436 => descriptor::close_range(first: u32, last: u32, flags: Flags);
    437 => open::openat2(dir: DirFd, path: PathPtr, how: UserAddr, size: usize);
    438 => process::pidfd_getfd(pidfd: Fd, target: Fd, flags: Flags);
    439 => access::faccessat2(dir: DirFd, path: PathPtr, mode: u32, flags: Flags);
    440 => foreign::process_madvise(pidfd: Fd, vector: UserAddr, count: usize, advice: i32, flags: Flags);
    441 => epoll::epoll_pwait2(epfd: Fd, events: UserPtr<EpollEvent>, most: i32, timeout: UserPtr<Timespec>, mask: UserPtr<SigSet>, size: usize);
    442 => mount_tree::mount_setattr(dir: DirFd, path: PathPtr, flags: Flags, attr: UserAddr, size: usize);
    448 => foreign::process_mrelease(pidfd: Fd, flags: Flags);
    449 => futex2::futex_waitv(list: UserPtr<FutexWaitv>, count: u32, flags: Flags, time: UserPtr<Timespec>, clock: i32);
    451 => cachestat::cachestat(fd: Fd, range: UserPtr<[u64; 2]>, to: UserPtr<[u64; 5]>, flags: Flags);
    452 => attr::fchmodat2(dir: DirFd, path: PathPtr, mode: Mode, flags: Flags);
    454 => futex2::futex_wake(at: UserAddr, mask: u64, count: i32, flags: Flags);
    455 => futex2::futex_wait(at: UserAddr, value: u64, mask: u64, flags: Flags, time: UserPtr<Timespec>, clock: i32);
    456 => futex2::futex_requeue(list: UserPtr<FutexWaitv>, flags: Flags, wake: i32, moved: i32);
    457 => statmount::statmount(req: UserAddr, to: UserAddr, size: usize, flags: Flags);
    458 => statmount::listmount(req: UserAddr, to: UserAddr, count: usize, flags: Flags);
    462 => memory::mseal(addr: UserAddr, len: usize, flags: u64);
}
