//! Who a thread acts as (`man 7 credentials`, `man 7 capabilities`). Immutable: a change makes a new one,
//! so that holders (open files, sockets) keep what they saw.

use alloc::sync::Arc;
use core::fmt;

/// A capability's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability(u8);

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Capability {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }
    };
}

capabilities! {
    /// Change owners of files.
    CHOWN = 0;
    /// Bypass read, write and execute permission.
    DAC_OVERRIDE = 1;
    /// Bypass read permission and search of directories.
    DAC_READ_SEARCH = 2;
    /// Bypass checks that the caller owns the file.
    FOWNER = 3;
    /// Keep set-id bits on change.
    FSETID = 4;
    /// Signal anybody.
    KILL = 5;
    /// Set group ids.
    SETGID = 6;
    /// Set user ids.
    SETUID = 7;
    /// Change the capability sets.
    SETPCAP = 8;
    /// Set the immutable and append flags of files.
    LINUX_IMMUTABLE = 9;
    /// Bind ports below 1024.
    NET_BIND_SERVICE = 10;
    /// Broadcast and listen to multicast.
    NET_BROADCAST = 11;
    /// Configure the network.
    NET_ADMIN = 12;
    /// Raw and packet sockets.
    NET_RAW = 13;
    /// Lock memory.
    IPC_LOCK = 14;
    /// Bypass System V IPC permission.
    IPC_OWNER = 15;
    /// Load modules.
    SYS_MODULE = 16;
    /// Raw I/O.
    SYS_RAWIO = 17;
    /// chroot(2).
    SYS_CHROOT = 18;
    /// Trace any process.
    SYS_PTRACE = 19;
    /// Process accounting.
    SYS_PACCT = 20;
    /// Administration: mount, swap, names and more.
    SYS_ADMIN = 21;
    /// reboot(2).
    SYS_BOOT = 22;
    /// Raise priorities, set affinities of others.
    SYS_NICE = 23;
    /// Override resource limits.
    SYS_RESOURCE = 24;
    /// Set the clocks.
    SYS_TIME = 25;
    /// Configure terminals; vhangup(2).
    SYS_TTY_CONFIG = 26;
    /// Make device nodes.
    MKNOD = 27;
    /// Leases on any file.
    LEASE = 28;
    /// Write to the audit log.
    AUDIT_WRITE = 29;
    /// Configure auditing.
    AUDIT_CONTROL = 30;
    /// Set file capabilities.
    SETFCAP = 31;
    /// Override mandatory access control.
    MAC_OVERRIDE = 32;
    /// Configure mandatory access control.
    MAC_ADMIN = 33;
    /// Read and configure the kernel log.
    SYSLOG = 34;
    /// Set wake alarms.
    WAKE_ALARM = 35;
    /// Block suspension.
    BLOCK_SUSPEND = 36;
    /// Read the audit log.
    AUDIT_READ = 37;
    /// Performance monitoring.
    PERFMON = 38;
    /// BPF operations.
    BPF = 39;
    /// Checkpoint and restore.
    CHECKPOINT_RESTORE = 40;
}

impl Capability {
    /// The highest number there is.
    pub const LAST: u8 = 40;

    /// The capability of a number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        if number <= Self::LAST as u64 {
            Some(Self(number as u8))
        } else {
            None
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A set of capabilities, bit n for number n.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct CapSet(u64);

impl CapSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// Every one there is.
    pub const FULL: Self = Self((1 << (Capability::LAST + 1)) - 1);

    /// The set whose bits are `bits`; numbers there are not are dropped.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::FULL.0)
    }

    /// The set as bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether `capability` is in it.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 >> capability.0 & 1 != 0
    }

    /// The set and `capability`.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability.0)
    }

    /// The set without `capability`.
    #[must_use]
    pub const fn without(self, capability: Capability) -> Self {
        Self(self.0 & !(1 << capability.0))
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What this has and `other` has not.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `other` has all of this.
    #[must_use]
    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether it is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CapSet({:016x})", self.0)
    }
}

/// Ids, groups and capabilities of a thread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Saved user.
    pub suid: u32,
    /// User for files.
    pub fsuid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective group.
    pub egid: u32,
    /// Saved group.
    pub sgid: u32,
    /// Group for files.
    pub fsgid: u32,
    /// Supplementary groups, sorted.
    pub groups: Arc<[u32]>,
    /// Capabilities that count now.
    pub effective: CapSet,
    /// Capabilities that may be made effective.
    pub permitted: CapSet,
    /// Capabilities kept through exec of files that inherit.
    pub inheritable: CapSet,
    /// Capabilities that exec may give.
    pub bounding: CapSet,
    /// Capabilities kept through exec of ordinary files.
    pub ambient: CapSet,
    /// `SECBIT_*` flags (`man 7 capabilities`).
    pub securebits: u32,
    /// `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
}

impl Credentials {
    /// The first process's: root with everything.
    #[must_use]
    pub fn root() -> Self {
        Self {
            uid: 0,
            euid: 0,
            suid: 0,
            fsuid: 0,
            gid: 0,
            egid: 0,
            sgid: 0,
            fsgid: 0,
            groups: Arc::new([]),
            effective: CapSet::FULL,
            permitted: CapSet::FULL,
            inheritable: CapSet::EMPTY,
            bounding: CapSet::FULL,
            ambient: CapSet::EMPTY,
            securebits: 0,
            no_new_privs: false,
        }
    }

    /// Whether the capability counts now.
    #[inline]
    #[must_use]
    pub const fn has(&self, capability: Capability) -> bool {
        self.effective.contains(capability)
    }

    /// Whether the thread belongs to `gid` for files.
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.binary_search(&gid).is_ok()
    }

    /// Whether the thread belongs to `gid` by its effective group.
    #[must_use]
    pub fn in_effective_group(&self, gid: u32) -> bool {
        self.egid == gid || self.groups.binary_search(&gid).is_ok()
    }
}
