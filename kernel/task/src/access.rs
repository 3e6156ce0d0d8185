//! Who may look into another process (`man 2 ptrace`, "Ptrace access mode checking").

use sync::{Capability, Credentials};

use crate::process::Process;
use crate::thread::Thread;

/// Whether `thread` may read the memory, descriptors and the like of `target`
/// (`PTRACE_MODE_ATTACH_REALCREDS`).
pub fn may_look_into(thread: &Thread, target: &Process) -> bool {
    check(thread, target, |cred| (cred.uid, cred.gid))
}

/// The same by the ids that count for files (`PTRACE_MODE_READ_FSCREDS`): what `/proc` asks.
pub fn may_see(thread: &Thread, target: &Process) -> bool {
    check(thread, target, |cred| (cred.fsuid, cred.fsgid))
}

fn check(thread: &Thread, target: &Process, ids: fn(&Credentials) -> (u32, u32)) -> bool {
    if thread.process().pid() == target.pid() {
        return true;
    }
    let mine = thread.cred();
    if mine.has(Capability::SYS_PTRACE) {
        return true;
    }
    let Some((_, its)) = target.name_and_cred() else {
        return false;
    };
    let (uid, gid) = ids(&mine);
    let same = [its.uid, its.euid, its.suid].iter().all(|id| *id == uid)
        && [its.gid, its.egid, its.sgid].iter().all(|id| *id == gid);
    // What has no memory any more has nothing to dump.
    let open = target.dumpable() == 1 || target.is_ending();
    same && open && its.permitted.is_subset_of(mine.permitted)
}
