//! Users: what is counted a real user identity, however many processes share it.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use hashbrown::HashMap;
use sync::{SpinLock, rank};

/// Counters of one real user.
pub struct User {
    uid: u32,
    /// Processes and threads (`RLIMIT_NPROC`).
    tasks: AtomicU32,
    /// Queued signals (`RLIMIT_SIGPENDING`).
    signals: AtomicU64,
}

type Table = HashMap<u32, Arc<User>, hashbrown::DefaultHashBuilder>;

static USERS: SpinLock<Option<Table>, { rank::LEAF }> = SpinLock::new(None);

impl User {
    /// The counters of a user; made when first asked for.
    pub fn find(uid: u32) -> Arc<Self> {
        let mut users = USERS.lock();
        let table = users.get_or_insert_with(Table::default);
        if let Some(user) = table.get(&uid) {
            return user.clone();
        }
        // Users nobody counts on any more make room here, so the table follows the live ones.
        table.retain(|_, user| Arc::strong_count(user) > 1);
        let user = Arc::new(Self {
            uid,
            tasks: AtomicU32::new(0),
            signals: AtomicU64::new(0),
        });
        table.insert(uid, user.clone());
        user
    }

    /// The identity.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Tasks that run as this user.
    pub fn tasks(&self) -> u32 {
        self.tasks.load(Ordering::Relaxed)
    }

    /// Counts a task in.
    pub fn enter(&self) {
        self.tasks.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a task out.
    pub fn leave(&self) {
        self.tasks.fetch_sub(1, Ordering::Relaxed);
    }

    /// Signals queued for this user's processes.
    pub fn queued_signals(&self) -> u64 {
        self.signals.load(Ordering::Relaxed)
    }

    /// Counts a signal in unless that passes `limit`.
    pub fn charge_signal(&self, limit: u64) -> bool {
        self.signals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .is_ok()
    }

    /// Counts a signal out.
    pub fn uncharge_signal(&self) {
        self.signals.fetch_sub(1, Ordering::Relaxed);
    }
}
