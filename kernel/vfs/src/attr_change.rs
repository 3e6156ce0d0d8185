//! Writing changed attributes down.

use crate::attr::{Attributes, Timestamp};
use crate::inode::SetAttr;

/// Applies `change` and moves the change time.
pub fn apply(attr: &Attributes, change: &SetAttr) {
    if let Some(uid) = change.uid {
        attr.set_uid(uid);
    }
    if let Some(gid) = change.gid {
        attr.set_gid(gid);
    }
    if let Some(mode) = change.mode {
        attr.set_permissions(mode);
    }
    let now = Timestamp::now();
    attr.update_times(|times| {
        times.changed = now;
        if let Some(accessed) = change.accessed {
            times.accessed = accessed;
        }
        if let Some(modified) = change.modified {
            times.modified = modified;
        }
    });
}
