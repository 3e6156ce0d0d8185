//! How rights change: the set-id family, exec, and what becomes of capabilities
//! (`man 7 credentials`, `man 7 capabilities`). Pure: old rights in, new rights out.

use abi::{Errno, Result};
use sync::{CapSet, Capability, Credentials};

/// `SECBIT_NOROOT`: root gets no capabilities by exec.
pub const SECBIT_NOROOT: u32 = 1;
/// `SECBIT_NO_SETUID_FIXUP`: changes of user leave capabilities alone.
pub const SECBIT_NO_SETUID_FIXUP: u32 = 4;
/// `SECBIT_KEEP_CAPS`: permitted capabilities stay when root is given up.
pub const SECBIT_KEEP_CAPS: u32 = 16;
/// `SECBIT_NO_CAP_AMBIENT_RAISE`.
pub const SECBIT_NO_CAP_AMBIENT_RAISE: u32 = 64;
/// Every bit there is, locks included.
pub const SECBITS: u32 = 0xff;
/// The lock bits: each stands one above what it locks.
pub const SECBIT_LOCKS: u32 = 0xaa;

/// An id that means "leave as it is".
pub const UNCHANGED: u32 = u32::MAX;

const FS_CAPS: [Capability; 8] = [
    Capability::CHOWN,
    Capability::MKNOD,
    Capability::DAC_OVERRIDE,
    Capability::DAC_READ_SEARCH,
    Capability::FOWNER,
    Capability::FSETID,
    Capability::LINUX_IMMUTABLE,
    Capability::MAC_OVERRIDE,
];

fn fs_caps() -> CapSet {
    FS_CAPS.into_iter().fold(CapSet::EMPTY, CapSet::with)
}

/// What capabilities follow a change of users.
fn fix_up(old: &Credentials, new: &mut Credentials) {
    if new.securebits & SECBIT_NO_SETUID_FIXUP != 0 {
        return;
    }
    let was_root = [old.uid, old.euid, old.suid].contains(&0);
    let is_root = [new.uid, new.euid, new.suid].contains(&0);
    if was_root && !is_root {
        if new.securebits & SECBIT_KEEP_CAPS == 0 {
            new.permitted = CapSet::EMPTY;
            new.effective = CapSet::EMPTY;
        }
        new.ambient = CapSet::EMPTY;
    }
    if old.euid == 0 && new.euid != 0 {
        new.effective = CapSet::EMPTY;
    }
    if old.euid != 0 && new.euid == 0 {
        new.effective = new.permitted;
    }
}

/// `setuid(2)`.
///
/// # Errors
/// `EINVAL` for -1, `EPERM`.
pub fn setuid(old: &Credentials, uid: u32) -> Result<Credentials> {
    if uid == UNCHANGED {
        return Err(Errno::EINVAL);
    }
    let mut new = old.clone();
    if old.has(Capability::SETUID) {
        new.uid = uid;
        new.suid = uid;
    } else if uid != old.uid && uid != old.suid {
        return Err(Errno::EPERM);
    }
    new.euid = uid;
    new.fsuid = uid;
    fix_up(old, &mut new);
    Ok(new)
}

/// `setreuid(2)`.
///
/// # Errors
/// `EPERM`.
pub fn setreuid(old: &Credentials, uid: u32, euid: u32) -> Result<Credentials> {
    let any = old.has(Capability::SETUID);
    let mut new = old.clone();
    if uid != UNCHANGED {
        if !any && uid != old.uid && uid != old.euid {
            return Err(Errno::EPERM);
        }
        new.uid = uid;
    }
    if euid != UNCHANGED {
        if !any && ![old.uid, old.euid, old.suid].contains(&euid) {
            return Err(Errno::EPERM);
        }
        new.euid = euid;
    }
    if uid != UNCHANGED || (euid != UNCHANGED && euid != old.uid) {
        new.suid = new.euid;
    }
    new.fsuid = new.euid;
    fix_up(old, &mut new);
    Ok(new)
}

/// `setresuid(2)`.
///
/// # Errors
/// `EPERM`.
pub fn setresuid(old: &Credentials, uid: u32, euid: u32, suid: u32) -> Result<Credentials> {
    let mine = [old.uid, old.euid, old.suid];
    let allowed = |id: u32| id == UNCHANGED || mine.contains(&id);
    let all_mine = [uid, euid, suid].into_iter().all(allowed);
    if !all_mine && !old.has(Capability::SETUID) {
        return Err(Errno::EPERM);
    }
    let mut new = old.clone();
    if uid != UNCHANGED {
        new.uid = uid;
    }
    if euid != UNCHANGED {
        new.euid = euid;
    }
    if suid != UNCHANGED {
        new.suid = suid;
    }
    new.fsuid = new.euid;
    fix_up(old, &mut new);
    Ok(new)
}

/// `setfsuid(2)`: `None` when it changes nothing.
#[must_use]
pub fn setfsuid(old: &Credentials, fsuid: u32) -> Option<Credentials> {
    let allowed =
        [old.uid, old.euid, old.suid, old.fsuid].contains(&fsuid) || old.has(Capability::SETUID);
    if fsuid == UNCHANGED || fsuid == old.fsuid || !allowed {
        return None;
    }
    let mut new = old.clone();
    new.fsuid = fsuid;
    if new.securebits & SECBIT_NO_SETUID_FIXUP == 0 {
        if old.fsuid == 0 {
            new.effective = new.effective.minus(fs_caps());
        } else if fsuid == 0 {
            new.effective = new.effective.or(new.permitted.and(fs_caps()));
        }
    }
    Some(new)
}

/// `setgid(2)`.
///
/// # Errors
/// `EINVAL` for -1, `EPERM`.
pub fn setgid(old: &Credentials, gid: u32) -> Result<Credentials> {
    if gid == UNCHANGED {
        return Err(Errno::EINVAL);
    }
    let mut new = old.clone();
    if old.has(Capability::SETGID) {
        new.gid = gid;
        new.sgid = gid;
    } else if gid != old.gid && gid != old.sgid {
        return Err(Errno::EPERM);
    }
    new.egid = gid;
    new.fsgid = gid;
    Ok(new)
}

/// `setregid(2)`.
///
/// # Errors
/// `EPERM`.
pub fn setregid(old: &Credentials, gid: u32, egid: u32) -> Result<Credentials> {
    let any = old.has(Capability::SETGID);
    let mut new = old.clone();
    if gid != UNCHANGED {
        if !any && gid != old.gid && gid != old.egid {
            return Err(Errno::EPERM);
        }
        new.gid = gid;
    }
    if egid != UNCHANGED {
        if !any && ![old.gid, old.egid, old.sgid].contains(&egid) {
            return Err(Errno::EPERM);
        }
        new.egid = egid;
    }
    if gid != UNCHANGED || (egid != UNCHANGED && egid != old.gid) {
        new.sgid = new.egid;
    }
    new.fsgid = new.egid;
    Ok(new)
}

/// `setresgid(2)`.
///
/// # Errors
/// `EPERM`.
pub fn setresgid(old: &Credentials, gid: u32, egid: u32, sgid: u32) -> Result<Credentials> {
    let mine = [old.gid, old.egid, old.sgid];
    let allowed = |id: u32| id == UNCHANGED || mine.contains(&id);
    let all_mine = [gid, egid, sgid].into_iter().all(allowed);
    if !all_mine && !old.has(Capability::SETGID) {
        return Err(Errno::EPERM);
    }
    let mut new = old.clone();
    if gid != UNCHANGED {
        new.gid = gid;
    }
    if egid != UNCHANGED {
        new.egid = egid;
    }
    if sgid != UNCHANGED {
        new.sgid = sgid;
    }
    new.fsgid = new.egid;
    Ok(new)
}

/// `setfsgid(2)`: `None` when it changes nothing.
#[must_use]
pub fn setfsgid(old: &Credentials, fsgid: u32) -> Option<Credentials> {
    let allowed =
        [old.gid, old.egid, old.sgid, old.fsgid].contains(&fsgid) || old.has(Capability::SETGID);
    if fsgid == UNCHANGED || fsgid == old.fsgid || !allowed {
        return None;
    }
    let mut new = old.clone();
    new.fsgid = fsgid;
    Some(new)
}

/// `capset(2)` of the calling thread.
///
/// # Errors
/// `EPERM` when a set grows past what may be.
pub fn capset(
    old: &Credentials,
    effective: CapSet,
    permitted: CapSet,
    inheritable: CapSet,
) -> Result<Credentials> {
    let reach = old.inheritable.or(old.permitted);
    let inherits = old.has(Capability::SETPCAP) || inheritable.is_subset_of(reach);
    let bounded = inheritable.is_subset_of(old.inheritable.or(old.bounding));
    if !inherits
        || !bounded
        || !permitted.is_subset_of(old.permitted)
        || !effective.is_subset_of(permitted)
    {
        return Err(Errno::EPERM);
    }
    let mut new = old.clone();
    new.effective = effective;
    new.permitted = permitted;
    new.inheritable = inheritable;
    new.ambient = old.ambient.and(permitted.and(inheritable));
    Ok(new)
}

/// What exec makes of rights.
#[derive(Debug)]
pub struct ExecRights {
    /// The new rights.
    pub cred: Credentials,
    /// Whether the program has more than its caller (`AT_SECURE`).
    pub secure: bool,
}

/// Rights after exec of a file whose set-id bits give these ids, if any.
#[must_use]
pub fn exec(old: &Credentials, set_uid: Option<u32>, set_gid: Option<u32>) -> ExecRights {
    let mut new = old.clone();
    if !old.no_new_privs {
        new.euid = set_uid.unwrap_or(old.euid);
        new.egid = set_gid.unwrap_or(old.egid);
    }
    let mut effective = false;
    new.permitted = CapSet::EMPTY;
    if new.securebits & SECBIT_NOROOT == 0 {
        if new.euid == 0 || new.uid == 0 {
            new.permitted = old.bounding.or(old.inheritable);
        }
        effective = new.euid == 0;
    }
    let is_setid = new.euid != old.uid || new.egid != old.gid;
    if old.no_new_privs && !new.permitted.is_subset_of(old.permitted) {
        new.permitted = new.permitted.and(old.permitted);
    }
    new.suid = new.euid;
    new.fsuid = new.euid;
    new.sgid = new.egid;
    new.fsgid = new.egid;
    if is_setid {
        new.ambient = CapSet::EMPTY;
    }
    new.permitted = new.permitted.or(new.ambient);
    new.effective = if effective {
        new.permitted
    } else {
        new.ambient
    };
    new.securebits &= !SECBIT_KEEP_CAPS;
    let grew = !new.permitted.is_subset_of(new.ambient);
    let secure = is_setid || (new.uid != 0 && (effective || grew));
    ExecRights { cred: new, secure }
}

/// Whether a thread with `new` rights may not be looked into by those who could before.
#[must_use]
pub fn hides(old: &Credentials, new: &Credentials) -> bool {
    old.euid != new.euid
        || old.egid != new.egid
        || old.fsuid != new.fsuid
        || old.fsgid != new.fsgid
        || !new.permitted.is_subset_of(old.permitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u32) -> Credentials {
        setresuid(&Credentials::root(), id, id, id).unwrap()
    }

    #[test]
    fn giving_root_up_takes_capabilities() {
        let root = Credentials::root();
        let user = setuid(&root, 1000).unwrap();
        assert_eq!((user.uid, user.suid), (1000, 1000));
        assert!(user.permitted.is_empty() && user.effective.is_empty());
        assert_eq!(setuid(&user, 0).err(), Some(Errno::EPERM));

        let half = setresuid(&root, UNCHANGED, 1000, UNCHANGED).unwrap();
        assert!(half.effective.is_empty());
        assert_eq!(half.permitted, CapSet::FULL);
        let back = setresuid(&half, UNCHANGED, 0, UNCHANGED).unwrap();
        assert_eq!(back.effective, CapSet::FULL);

        let mut keeping = root.clone();
        keeping.securebits = SECBIT_KEEP_CAPS;
        let kept = setuid(&keeping, 1000).unwrap();
        assert_eq!(kept.permitted, CapSet::FULL);
        assert!(kept.effective.is_empty());
    }

    #[test]
    fn saved_ids_follow_setreuid() {
        let a = user(1000);
        assert_eq!(setreuid(&a, UNCHANGED, 1000).unwrap().suid, 1000);
        assert_eq!(setreuid(&a, 1001, UNCHANGED).err(), Some(Errno::EPERM));
        let b = setreuid(&Credentials::root(), UNCHANGED, 1000).unwrap();
        assert_eq!(b.suid, 1000);
        let c = setregid(&Credentials::root(), 5, UNCHANGED).unwrap();
        assert_eq!((c.gid, c.sgid), (5, 0));
    }

    #[test]
    fn fsuid_moves_file_capabilities() {
        let out = setfsuid(&Credentials::root(), 1000).unwrap();
        assert!(!out.has(Capability::DAC_OVERRIDE) && out.has(Capability::KILL));
        let back = setfsuid(&out, 0).unwrap();
        assert!(back.has(Capability::DAC_OVERRIDE));
        assert!(setfsuid(&user(1000), 5).is_none());
    }

    #[test]
    fn set_uid_root_programs_get_all_unless_forbidden() {
        let plain = user(1000);
        let su = exec(&plain, Some(0), None);
        assert!(su.secure && su.cred.effective == CapSet::FULL);
        assert_eq!((su.cred.uid, su.cred.euid, su.cred.suid), (1000, 0, 0));
        let mut tame = plain.clone();
        tame.no_new_privs = true;
        let su = exec(&tame, Some(0), None);
        assert!(!su.secure && su.cred.euid == 1000 && su.cred.effective.is_empty());
        assert!(!exec(&plain, None, None).secure);
        assert!(!exec(&Credentials::root(), None, None).secure);
    }

    #[test]
    fn capset_only_lowers() {
        let root = Credentials::root();
        let few = CapSet::EMPTY.with(Capability::KILL);
        let low = capset(&root, few, few, CapSet::EMPTY).unwrap();
        assert_eq!(low.permitted, few);
        assert!(capset(&low, CapSet::FULL, CapSet::FULL, CapSet::EMPTY).is_err());
        assert!(capset(&low, few, few, CapSet::FULL).is_err());
    }
}
