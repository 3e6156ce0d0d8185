//! What everything above the machine waits, locks and counts with.
//!
//! The room for: locks with ranks ([`SpinLock`], [`IrqLock`], [`Mutex`], [`RwLock`]), readiness
//! ([`Pollee`], [`Observer`]), the schedulable entity ([`Task`]) with its park and unpark, time
//! ([`Instant`], [`clock`], [`timer`]), and the plain types everybody needs ([`Credentials`], [`Limits`],
//! [`Charge`]). It uses `hal` and `abi` alone. Policy stays out: which task runs next is the
//! scheduler's, installed at start through [`sched::install`]; what a signal is, nobody here knows.
//!
//! The same source runs in the kernel, over `std` threads in host tests, and over `shuttle` (feature
//! `shuttle`), which tries interleavings.
//!
//! Rules of locks: ranks rise as locks nest (see [`rank`]); nobody is woken, no file dropped and no user
//! memory touched under a spin lock; what must be dropped in atomic context goes to [`defer_drop`].
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod atomic;
mod charge;
pub mod clock;
mod credentials;
mod defer;
mod events;
mod instant;
mod limits;
mod lockdep;
mod machine;
mod mutex;
mod once;
pub mod order;
mod per_user;
mod pollee;
pub mod rank;
mod rwlock;
pub mod sched;
mod sorted_map;
mod spin_lock;
mod task;
pub mod timer;
mod wait;

pub use charge::{Account, Charge};
pub use credentials::{CapSet, Capability, Credentials};
pub use defer::{defer_drop, drop_dead_tasks, start as start_reaper};
pub use events::Events;
pub use instant::Instant;
pub use limits::{INFINITY, Limits, Resource, Rlimit};
pub use lockdep::might_sleep;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use per_user::{PerUser, UserCount};
pub use pollee::{Observer, Pollee, Registration};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use sorted_map::SortedMap;
pub use spin_lock::{IrqLock, IrqLockGuard, SpinLock, SpinLockGuard};
pub use task::{
    Entity, Payload, Task, TaskName, current, ended, exit_current, park, spawn_kernel, try_current,
    with_current, yield_now,
};
pub use wait::{Sleep, Stop, Waiter, sleep_until, wait_on, wait_until};
