//! What each user has of something of which there is a limit.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::{SpinLock, rank};

/// How much each user has, by user id.
pub struct PerUser(SpinLock<Vec<(u32, UserCount)>, { rank::LEAF }>);

/// What one user has; shared by all that count on it.
#[derive(Clone)]
pub struct UserCount(Arc<AtomicU64>);

impl PerUser {
    /// Nobody has any.
    #[must_use]
    pub const fn new() -> Self {
        Self(SpinLock::new(Vec::new()))
    }

    /// The count of a user; made when first asked for.
    pub fn find(&self, uid: u32) -> UserCount {
        let mut users = self.0.lock();
        if let Some((_, count)) = users.iter().find(|(user, _)| *user == uid) {
            return count.clone();
        }
        // Users nobody counts on any more make room here, so the table follows the live ones.
        users.retain(|(_, count)| Arc::strong_count(&count.0) > 1);
        let count = UserCount(Arc::new(AtomicU64::new(0)));
        users.push((uid, count.clone()));
        count
    }
}

impl Default for PerUser {
    fn default() -> Self {
        Self::new()
    }
}

impl UserCount {
    /// How much there is.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Where there were `before`, there are `now`; how much there is then.
    pub fn change(&self, before: u64, now: u64) -> u64 {
        let more = now.wrapping_sub(before);
        self.0.fetch_add(more, Ordering::Relaxed).wrapping_add(more)
    }
}
