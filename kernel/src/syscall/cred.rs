//! Rights: users, groups, capabilities.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::ucopy::UserPtr;
use sync::{CapSet, Capability, Credentials};
use task::cred;
use task::tree;

use super::Cx;

/// Groups a thread may be in.
const NGROUPS_MAX: i32 = 65536;

/// Puts new rights in force, with what follows from a change of them.
fn commit(cx: &Cx<'_>, new: Credentials) {
    let old = cx.cred();
    if cred::hides(&old, &new) {
        cx.process().set_dumpable(0);
        cx.thread.set_parent_death_signal(0);
    }
    cx.thread.set_cred(Arc::new(new));
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident => $field:ident;)*) => {
        $($(#[$doc])* pub fn $name(cx: &mut Cx<'_>) -> Result<usize> {
            Ok(cx.cred().$field as usize)
        })*
    };
}

getters! {
    /// `getuid(2)`.
    getuid => uid;
    /// `geteuid(2)`.
    geteuid => euid;
    /// `getgid(2)`.
    getgid => gid;
    /// `getegid(2)`.
    getegid => egid;
}

/// `setuid(2)`.
pub fn setuid(cx: &mut Cx<'_>, uid: u32) -> Result<usize> {
    commit(cx, cred::setuid(&cx.cred(), uid)?);
    Ok(0)
}

/// `setgid(2)`.
pub fn setgid(cx: &mut Cx<'_>, gid: u32) -> Result<usize> {
    commit(cx, cred::setgid(&cx.cred(), gid)?);
    Ok(0)
}

/// `setreuid(2)`.
pub fn setreuid(cx: &mut Cx<'_>, uid: u32, euid: u32) -> Result<usize> {
    commit(cx, cred::setreuid(&cx.cred(), uid, euid)?);
    Ok(0)
}

/// `setregid(2)`.
pub fn setregid(cx: &mut Cx<'_>, gid: u32, egid: u32) -> Result<usize> {
    commit(cx, cred::setregid(&cx.cred(), gid, egid)?);
    Ok(0)
}

/// `setresuid(2)`.
pub fn setresuid(cx: &mut Cx<'_>, uid: u32, euid: u32, suid: u32) -> Result<usize> {
    commit(cx, cred::setresuid(&cx.cred(), uid, euid, suid)?);
    Ok(0)
}

/// `setresgid(2)`.
pub fn setresgid(cx: &mut Cx<'_>, gid: u32, egid: u32, sgid: u32) -> Result<usize> {
    commit(cx, cred::setresgid(&cx.cred(), gid, egid, sgid)?);
    Ok(0)
}

/// `getresuid(2)`.
pub fn getresuid(
    cx: &mut Cx<'_>,
    uid: UserPtr<u32>,
    euid: UserPtr<u32>,
    suid: UserPtr<u32>,
) -> Result<usize> {
    let cred = cx.cred();
    uid.write(&cred.uid)?;
    euid.write(&cred.euid)?;
    suid.write(&cred.suid)?;
    Ok(0)
}

/// `getresgid(2)`.
pub fn getresgid(
    cx: &mut Cx<'_>,
    gid: UserPtr<u32>,
    egid: UserPtr<u32>,
    sgid: UserPtr<u32>,
) -> Result<usize> {
    let cred = cx.cred();
    gid.write(&cred.gid)?;
    egid.write(&cred.egid)?;
    sgid.write(&cred.sgid)?;
    Ok(0)
}

/// `setfsuid(2)`: answers the old one, changed or not.
pub fn setfsuid(cx: &mut Cx<'_>, uid: u32) -> Result<usize> {
    let old = cx.cred();
    if let Some(new) = cred::setfsuid(&old, uid) {
        commit(cx, new);
    }
    Ok(old.fsuid as usize)
}

/// `setfsgid(2)`: answers the old one, changed or not.
pub fn setfsgid(cx: &mut Cx<'_>, gid: u32) -> Result<usize> {
    let old = cx.cred();
    if let Some(new) = cred::setfsgid(&old, gid) {
        commit(cx, new);
    }
    Ok(old.fsgid as usize)
}

/// `getgroups(2)`.
pub fn getgroups(cx: &mut Cx<'_>, size: i32, list: UserPtr<u32>) -> Result<usize> {
    if size < 0 {
        return Err(Errno::EINVAL);
    }
    let cred = cx.cred();
    let count = cred.groups.len();
    if size == 0 {
        return Ok(count);
    }
    if count > size as usize {
        return Err(Errno::EINVAL);
    }
    for (n, group) in cred.groups.iter().enumerate() {
        list.add(n).write(group)?;
    }
    Ok(count)
}

/// `setgroups(2)`.
pub fn setgroups(cx: &mut Cx<'_>, size: i32, list: UserPtr<u32>) -> Result<usize> {
    let old = cx.cred();
    if !old.has(Capability::SETGID) {
        return Err(Errno::EPERM);
    }
    if !(0..=NGROUPS_MAX).contains(&size) {
        return Err(Errno::EINVAL);
    }
    let mut groups: Vec<u32> = Vec::new();
    groups
        .try_reserve_exact(size as usize)
        .map_err(|_| Errno::ENOMEM)?;
    for n in 0..size as usize {
        let group = list.add(n).read()?;
        if group == cred::UNCHANGED {
            return Err(Errno::EINVAL);
        }
        groups.push(group);
    }
    sync::order::sort(&mut groups);
    let mut new = (*old).clone();
    new.groups = groups.into();
    commit(cx, new);
    Ok(0)
}

/// `_LINUX_CAPABILITY_VERSION_1`, `_2` and `_3`.
const VERSIONS: [u32; 3] = [0x1998_0330, 0x2007_1026, 0x2008_0522];

/// How many words of each set a version has; an unknown one is replaced by the newest.
fn cap_words(header: UserPtr<u32>) -> Result<Option<usize>> {
    let [first, _, newest] = VERSIONS;
    let version = header.read()?;
    if version == first {
        return Ok(Some(1));
    }
    if VERSIONS.contains(&version) {
        return Ok(Some(2));
    }
    header.write(&newest)?;
    Ok(None)
}

/// `capget(2)`.
pub fn capget(cx: &mut Cx<'_>, header: UserPtr<u32>, data: UserPtr<u32>) -> Result<usize> {
    let Some(words) = cap_words(header)? else {
        // Asking without data is how programs learn the version.
        return if data.is_null() {
            Ok(0)
        } else {
            Err(Errno::EINVAL)
        };
    };
    if data.is_null() {
        return Ok(0);
    }
    let pid = header.add(1).read()? as i32;
    if pid < 0 {
        return Err(Errno::EINVAL);
    }
    let cred = if pid == 0 || pid as u32 == cx.thread.tid() {
        cx.cred()
    } else {
        let thread = tree::lock().thread(pid as u32).ok_or(Errno::ESRCH)?;
        thread.cred()
    };
    for word in 0..words {
        let sets = [cred.effective, cred.permitted, cred.inheritable];
        for (n, set) in sets.into_iter().enumerate() {
            let value = (set.bits() >> (32 * word)) as u32;
            data.add(word * 3 + n).write(&value)?;
        }
    }
    Ok(0)
}

/// `capset(2)`.
pub fn capset(cx: &mut Cx<'_>, header: UserPtr<u32>, data: UserPtr<u32>) -> Result<usize> {
    let words = cap_words(header)?.ok_or(Errno::EINVAL)?;
    let pid = header.add(1).read()? as i32;
    // Only oneself: Linux has given up setting others'.
    if pid != 0 && pid as u32 != cx.thread.tid() {
        return Err(Errno::EPERM);
    }
    let mut sets = [0u64; 3];
    for word in 0..words {
        for (n, set) in sets.iter_mut().enumerate() {
            *set |= u64::from(data.add(word * 3 + n).read()?) << (32 * word);
        }
    }
    let [effective, permitted, inheritable] = sets.map(CapSet::from_bits);
    commit(
        cx,
        cred::capset(&cx.cred(), effective, permitted, inheritable)?,
    );
    Ok(0)
}
