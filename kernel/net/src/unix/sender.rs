//! Who stands behind a socket or a message: captured once, never looked up again.

use abi::socket::Ucred;
use alloc::sync::Arc;
use core::any::Any;
use core::fmt;
use vfs::Caller;

/// The uid and gid told when nobody's were captured (`overflowuid`).
const OVERFLOW_ID: u32 = 65534;

/// A process as it was when it connected, listened or wrote.
#[derive(Clone)]
pub struct Sender {
    /// What `SCM_CREDENTIALS` tells.
    pub ucred: Ucred,
    /// The process itself, for a pidfd; its type is the task layer's.
    pub process: Option<Arc<dyn Any + Send + Sync>>,
}

impl Sender {
    /// The real ids of a caller, as implicit credentials of a message.
    #[must_use]
    pub fn of(caller: &dyn Caller) -> Self {
        let cred = caller.cred();
        let pid = i32::try_from(caller.pid()).unwrap_or(0);
        Self {
            ucred: Ucred {
                pid,
                uid: cred.uid,
                gid: cred.gid,
            },
            process: Some(caller.process()),
        }
    }

    /// The effective ids of a caller, as `SO_PEERCRED` tells them.
    #[must_use]
    pub fn effective(caller: &dyn Caller) -> Self {
        let cred = caller.cred();
        let mut sender = Self::of(caller);
        sender.ucred.uid = cred.euid;
        sender.ucred.gid = cred.egid;
        sender
    }

    /// What is told of a message sent before anybody asked for credentials.
    #[must_use]
    pub fn nobody() -> Ucred {
        Ucred {
            pid: 0,
            uid: OVERFLOW_ID,
            gid: OVERFLOW_ID,
        }
    }
}

impl PartialEq for Sender {
    fn eq(&self, other: &Self) -> bool {
        self.ucred == other.ucred
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ucred.fmt(f)
    }
}
