//! `/proc/kmsg`: the log as `syslog(2)` reads it, as a file. What one reads another does not.

use abi::{Errno, Result};
use alloc::sync::Arc;
use fs::proc::{Content, Text};
use mm::IoDst;
use sync::{Capability, Events, Pollee};
use vfs::{FileOps, OpenFile, OpenRequest};

use crate::klog;

/// The file.
pub(super) struct Log;

impl Content for Log {
    fn show(&self, _out: &mut Text) -> Result<()> {
        Err(Errno::EINVAL)
    }

    fn open(
        &self,
        _this: &Arc<dyn Content>,
        request: &OpenRequest<'_>,
    ) -> Result<Arc<dyn FileOps>> {
        let cred = request.cred;
        if cred.has(Capability::SYSLOG) || cred.has(Capability::SYS_ADMIN) {
            return Ok(Arc::new(Reader));
        }
        Err(Errno::EPERM)
    }
}

struct Reader;

impl FileOps for Reader {
    fn read(&self, _open: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        let room = dst.remaining();
        if room == 0 {
            return Ok(0);
        }
        let mark = klog::mark();
        let text = klog::take(room);
        if text.is_empty() {
            return Err(Errno::EAGAIN);
        }
        let done = dst.put(&text);
        if done < text.len() {
            klog::rewind(mark);
            drop(klog::take(done));
        }
        Ok(done)
    }

    fn ready(&self, _open: &OpenFile) -> Events {
        if klog::unread() > 0 {
            Events::READABLE
        } else {
            Events::empty()
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&klog::NEWS)
    }
}
