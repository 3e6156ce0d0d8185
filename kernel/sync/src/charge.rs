//! Memory charged to its owner.

use alloc::sync::Arc;

use abi::{Errno, Result};

use crate::atomic::{AtomicU64, Ordering};

/// Whose memory is counted, and how much it may be, in bytes.
#[derive(Debug)]
pub struct Account {
    used: AtomicU64,
    limit: AtomicU64,
}

impl Account {
    /// Nothing used of `limit` bytes.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            limit: AtomicU64::new(limit),
        }
    }

    /// Bytes charged now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Changes the limit; what is charged already stays.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Charges `bytes` until the answer is dropped.
    ///
    /// # Errors
    /// `ENOMEM` past the limit; nothing is charged then.
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Result<Charge> {
        let limit = self.limit.load(Ordering::Relaxed);
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|&sum| sum <= limit)
            })
            .map_err(|_| Errno::ENOMEM)?;
        Ok(Charge {
            account: self.clone(),
            bytes,
        })
    }
}

/// Bytes charged to an account; given back when it goes.
#[derive(Debug)]
#[must_use = "dropping the charge gives it back"]
pub struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

impl Charge {
    /// How many bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives back all but `bytes`; more than there are changes nothing.
    pub fn shrink(&mut self, bytes: u64) {
        if let Some(back) = self.bytes.checked_sub(bytes) {
            self.account.used.fetch_sub(back, Ordering::AcqRel);
            self.bytes = bytes;
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
