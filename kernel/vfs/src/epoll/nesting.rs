//! Instances inside instances: no circles, no deep towers, no wake-up that multiplies (`man 2 epoll_ctl`, ELOOP).

use super::Epoll;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Bound;
use sync::SortedMap;
use sync::{Mutex, MutexGuard, rank};

/// Levels of nesting below and above an instance.
const DEEPEST: usize = 4;

/// Paths of each length from a file to an instance nobody watches.
const MOST_PATHS: [usize; DEEPEST + 1] = [usize::MAX, 500, 100, 50, 10];

static ORDER: Mutex<(), { rank::EPOLL_NESTING }> = Mutex::new(());

/// Held while nested instances are tied together: the shape cannot change under the checks.
pub(super) fn lock() -> MutexGuard<'static, (), { rank::EPOLL_NESTING }> {
    ORDER.lock()
}

/// Levels found below or above each instance looked at, so that none is walked twice.
type Seen = SortedMap<usize, usize>;

fn address(epoll: &Epoll) -> usize {
    core::ptr::from_ref(epoll).addr()
}

/// Whether `outer` may watch `inner`.
///
/// # Errors
/// `ELOOP` when `inner` already leads to `outer`, or the tower would be too high.
pub(super) fn check_loop(outer: &Epoll, inner: &Epoll) -> Result<()> {
    let below = levels_below(inner, outer, 0, &mut Seen::new())?;
    let above = levels_above(outer, 0, &mut Seen::new())?;
    if below + 1 + above > DEEPEST {
        return Err(Errno::ELOOP);
    }
    Ok(())
}

fn levels_below(from: &Epoll, outer: &Epoll, depth: usize, seen: &mut Seen) -> Result<usize> {
    if let Some(levels) = seen.get(&address(from)) {
        return Ok(*levels);
    }
    let mut levels = 0;
    for child in children(from)? {
        if core::ptr::eq(&*child, outer) || depth > DEEPEST {
            return Err(Errno::ELOOP);
        }
        levels = levels.max(1 + levels_below(&child, outer, depth + 1, seen)?);
    }
    seen.insert(address(from), levels);
    Ok(levels)
}

fn levels_above(from: &Epoll, depth: usize, seen: &mut Seen) -> Result<usize> {
    if depth > DEEPEST {
        return Ok(0);
    }
    if let Some(levels) = seen.get(&address(from)) {
        return Ok(*levels);
    }
    let mut levels = 0;
    for parent in parents(from)? {
        levels = levels.max(1 + levels_above(&parent, depth + 1, seen)?);
    }
    seen.insert(address(from), levels);
    Ok(levels)
}

/// The instances it watches.
fn children(epoll: &Epoll) -> Result<Vec<Arc<Epoll>>> {
    let mut found = Vec::new();
    let mut from = Bound::Unbounded;
    while let Some((last, batch)) = epoll.watched(from) {
        from = Bound::Excluded(last);
        for (_, file) in batch {
            let Some(child) = file.ops_as::<Epoll>() else {
                continue;
            };
            found.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            found.extend(child.this.upgrade());
        }
    }
    Ok(found)
}

/// Whether the files below a new tie reach too many instances above it.
///
/// # Errors
/// `EINVAL`.
pub(super) fn check_paths(outer: &Epoll, inner: Option<&Epoll>) -> Result<()> {
    let mut counts = [0; DEEPEST + 1];
    match inner {
        None => ascend(outer, 0, &mut counts),
        Some(inner) => check_below(inner, &mut Seen::new()),
    }
}

fn check_below(epoll: &Epoll, seen: &mut Seen) -> Result<()> {
    if seen.insert(address(epoll), 0).is_some() {
        return Ok(());
    }
    let inside = children(epoll)?;
    if epoll.interest.lock().items.len() > inside.len() {
        ascend(epoll, 0, &mut [0; DEEPEST + 1])?;
    }
    inside.iter().try_for_each(|child| check_below(child, seen))
}

fn ascend(epoll: &Epoll, depth: usize, counts: &mut [usize; DEEPEST + 1]) -> Result<()> {
    let parents = parents(epoll)?;
    let count = counts.get_mut(depth).ok_or(Errno::EINVAL)?;
    if parents.is_empty() {
        *count += 1;
        let most = MOST_PATHS.get(depth).copied().unwrap_or(0);
        return if *count > most {
            Err(Errno::EINVAL)
        } else {
            Ok(())
        };
    }
    parents
        .iter()
        .try_for_each(|parent| ascend(parent, depth + 1, counts))
}

/// The instances that watch this one now.
fn parents(epoll: &Epoll) -> Result<Vec<Arc<Epoll>>> {
    let mut all: Vec<Arc<Epoll>> = Vec::new();
    {
        let mut interest = epoll.interest.lock();
        interest.parents.retain(|parent| parent.strong_count() > 0);
        all.try_reserve_exact(interest.parents.len())
            .map_err(|_| Errno::ENOMEM)?;
        all.extend(interest.parents.iter().filter_map(Weak::upgrade));
    }
    let mut living: Vec<Arc<Epoll>> = Vec::new();
    for parent in all {
        let known = living.iter().any(|other| Arc::ptr_eq(other, &parent));
        if !known
            && children(&parent)?
                .iter()
                .any(|child| core::ptr::eq(&**child, epoll))
        {
            living.push(parent);
        }
    }
    Ok(living)
}
