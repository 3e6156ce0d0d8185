//! Scheduling (`man 7 sched`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The ordinary policy.
pub const SCHED_OTHER: u32 = 0;
/// First in, first out, by priority.
pub const SCHED_FIFO: u32 = 1;
/// Round robin, by priority.
pub const SCHED_RR: u32 = 2;
/// Ordinary, for work that computes.
pub const SCHED_BATCH: u32 = 3;
/// When nobody else runs.
pub const SCHED_IDLE: u32 = 5;
/// By deadlines.
pub const SCHED_DEADLINE: u32 = 6;
/// By a loaded program.
pub const SCHED_EXT: u32 = 7;
/// Or'ed to a policy: children start with the ordinary one.
pub const SCHED_RESET_ON_FORK: u32 = 0x4000_0000;

/// `sched_attr` flag: children start with the ordinary policy.
pub const SCHED_FLAG_RESET_ON_FORK: u64 = 0x01;
/// `sched_attr` flag: keep the policy.
pub const SCHED_FLAG_KEEP_POLICY: u64 = 0x08;
/// `sched_attr` flag: keep the parameters.
pub const SCHED_FLAG_KEEP_PARAMS: u64 = 0x10;

/// `getpriority`: a process.
pub const PRIO_PROCESS: i32 = 0;
/// `getpriority`: a process group.
pub const PRIO_PGRP: i32 = 1;
/// `getpriority`: a user.
pub const PRIO_USER: i32 = 2;

/// `struct sched_param`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SchedParam {
    /// 1 to 99 for the real-time policies, 0 for the others.
    pub priority: i32,
}

/// `struct sched_attr`, as far as version 1 goes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SchedAttr {
    /// Bytes of the structure.
    pub size: u32,
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// Nice value for the ordinary policies.
    pub nice: i32,
    /// Priority for the real-time policies.
    pub priority: u32,
    /// For `SCHED_DEADLINE`, nanoseconds.
    pub runtime: u64,
    /// For `SCHED_DEADLINE`, nanoseconds.
    pub deadline: u64,
    /// For `SCHED_DEADLINE`, nanoseconds.
    pub period: u64,
    /// Utilisation hint, least.
    pub util_min: u32,
    /// Utilisation hint, greatest.
    pub util_max: u32,
}

/// `sizeof(struct sched_attr)` in its first version.
pub const SCHED_ATTR_SIZE_VER0: u32 = 48;
/// `sizeof(struct sched_attr)` with the utilisation hints.
pub const SCHED_ATTR_SIZE_VER1: u32 = 56;

const _: () = assert!(size_of::<SchedAttr>() == SCHED_ATTR_SIZE_VER1 as usize);
