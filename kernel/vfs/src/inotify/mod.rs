//! inotify: news of files as something to read (`man 7 inotify`).
//!
//! An [`Instance`] is the queue behind a descriptor; a [`watch::InodeWatch`] hangs on an inode and feeds it. News come
//! through [`crate::notify`], with no lock of theirs held.

mod queue;
#[cfg(all(test, not(feature = "shuttle")))]
mod tests;
mod watch;

use abi::fcntl::OFlags;
use abi::inotify::{IN_NONBLOCK, INOTIFY_IOC_SETNEXTWD, InotifyMask};
use abi::termios::ioctl::FIONREAD;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use hal::{UserAddr, UserPtr};
use mm::io::IoDst;
use queue::{Queue, Record};
use sync::SortedMap;
use sync::{Credentials, Events, Mutex, Pollee, SpinLock, rank};
use watch::InodeWatch;

use crate::Caller;
use crate::anon::anon_file;
use crate::file::OpenFile;
use crate::file_ops::{FileOps, Whence};
use crate::inode::Inode;

/// Events that may wait in one instance (`/proc/sys/fs/inotify/max_queued_events`).
pub static MAX_QUEUED: AtomicU32 = AtomicU32::new(16384);
/// Instances a user may have (`max_user_instances`).
pub static MAX_INSTANCES: AtomicU32 = AtomicU32::new(128);
/// Watches a user may have (`max_user_watches`).
pub static MAX_WATCHES: AtomicU32 = AtomicU32::new(8192);

/// What a user has.
#[derive(Default)]
struct Usage {
    instances: u32,
    watches: u32,
}

static USERS: SpinLock<SortedMap<u32, Usage>, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// Watches that are gone no longer count.
fn give_back(uid: u32, instances: u32, watches: u32) {
    let mut users = USERS.lock();
    if let Some(usage) = users.get_mut(&uid) {
        usage.instances -= instances;
        usage.watches -= watches;
        if usage.instances == 0 {
            users.remove(&uid);
        }
    }
}

#[derive(Default)]
struct Watches {
    by_wd: SortedMap<i32, Arc<InodeWatch>>,
    /// By the address of the inode, which its watch keeps.
    by_inode: SortedMap<usize, Arc<InodeWatch>>,
    last_wd: i32,
}

/// One inotify descriptor's queue and watches.
pub struct Instance {
    uid: u32,
    watches: Mutex<Watches, { rank::FILE }>,
    queue: SpinLock<Queue, { rank::LEAF }>,
    pollee: Pollee,
    this: Weak<Instance>,
}

impl Instance {
    /// An open file over a new instance; `flags` are inotify_init1's, checked by the caller.
    ///
    /// # Errors
    /// `EMFILE` when the user has too many.
    pub fn file(flags: u32, cred: Arc<Credentials>) -> Result<Arc<OpenFile>> {
        let uid = cred.uid;
        let mut users = USERS.lock();
        let usage = users.get_or_insert_with(uid, Usage::default);
        if usage.instances >= MAX_INSTANCES.load(Ordering::Relaxed) {
            return Err(Errno::EMFILE);
        }
        usage.instances += 1;
        drop(users);
        let instance = Arc::new_cyclic(|this| Self {
            uid,
            watches: Mutex::new(Watches::default()),
            queue: SpinLock::new(Queue::new(MAX_QUEUED.load(Ordering::Relaxed) as usize)),
            pollee: Pollee::new(),
            this: this.clone(),
        });
        let mut open = OFlags::RDONLY;
        open.set(OFlags::NONBLOCK, flags & IN_NONBLOCK != 0);
        Ok(anon_file("inotify", instance, open, cred))
    }

    /// Watches an inode of the file system `device`, or changes the watch there is; the answer is its descriptor.
    ///
    /// # Errors
    /// `EEXIST` under IN_MASK_CREATE, `ENOSPC` when there are too many watches.
    pub fn add(&self, inode: &Arc<dyn Inode>, device: u64, arg: InotifyMask) -> Result<i32> {
        let keep = InotifyMask::ALL_EVENTS | InotifyMask::ONESHOT | InotifyMask::EXCL_UNLINK;
        let mask = arg & keep;
        let mut watches = self.watches.lock();
        let address = Arc::as_ptr(inode).addr();
        if let Some(watch) = watches.by_inode.get(&address) {
            if arg.contains(InotifyMask::MASK_CREATE) {
                return Err(Errno::EEXIST);
            }
            watch.change(mask, arg.contains(InotifyMask::MASK_ADD));
            return Ok(watch.wd());
        }
        {
            let mut users = USERS.lock();
            let usage = users.get_or_insert_with(self.uid, Usage::default);
            if usage.watches >= MAX_WATCHES.load(Ordering::Relaxed) {
                return Err(Errno::ENOSPC);
            }
            usage.watches += 1;
        }
        let mut wd = watches.last_wd;
        loop {
            wd = wd.checked_add(1).unwrap_or(1);
            if !watches.by_wd.contains_key(&wd) {
                break;
            }
        }
        watches.last_wd = wd;
        let watch = InodeWatch::new(wd, mask, self.this.clone(), inode.clone(), device);
        watches.by_wd.insert(wd, watch.clone());
        watches.by_inode.insert(address, watch.clone());
        // Under the lock: who removes the watch finds it on the inode.
        inode.attr().attached().watches.add(watch, device);
        Ok(wd)
    }

    /// Ends a watch; IN_IGNORED is the last that is heard of it.
    ///
    /// # Errors
    /// `EINVAL` when there is no such watch.
    pub fn remove(&self, wd: i32) -> Result<()> {
        let mut watches = self.watches.lock();
        let watch = watches.by_wd.remove(&wd).ok_or(Errno::EINVAL)?;
        let by_inode = watches.by_inode.remove(&watch.inode_address());
        watch.detach();
        drop(watches);
        drop(by_inode);
        give_back(self.uid, 0, 1);
        let mut queue = self.queue.lock();
        watch.end();
        let news = queue.push(Record {
            wd,
            mask: InotifyMask::IGNORED,
            cookie: 0,
            name: None,
        });
        drop(queue);
        if news {
            self.pollee.notify(Events::READABLE);
        }
        Ok(())
    }

    /// Adds an event of a watch, unless it has ended meanwhile.
    fn post(&self, watch: &InodeWatch, record: Record) {
        let mut queue = self.queue.lock();
        let news = !watch.has_ended() && queue.push(record);
        drop(queue);
        if news {
            self.pollee.notify(Events::READABLE);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let left = core::mem::take(&mut self.watches.get_mut().by_wd);
        let count = left.len() as u32;
        for watch in left.into_values() {
            watch.detach();
        }
        give_back(self.uid, 1, count);
    }
}

impl FileOps for Instance {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        let mut done = 0;
        loop {
            let Some(record) = self.queue.lock().pop(dst.remaining())? else {
                break;
            };
            let (bytes, len) = record.encode();
            let mark = dst.mark();
            let whole = dst.put(&bytes) == bytes.len()
                && record
                    .name
                    .as_deref()
                    .is_none_or(|name| dst.put(name) == name.len())
                && dst.put_zeros(len - record.name_len()) == len - record.name_len();
            if !whole {
                dst.rewind(mark);
                self.queue.lock().unpop(record);
                return Ok(done);
            }
            done += bytes.len() + len;
            // What is left may be too small for the next event: that is an error only for the first.
            if !self.queue.lock().front_fits(dst.remaining()) {
                break;
            }
        }
        if done == 0 {
            Err(Errno::EAGAIN)
        } else {
            Ok(done)
        }
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        if self.queue.lock().is_empty() {
            Events::empty()
        } else {
            Events::READABLE
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.pollee)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Ok(*pos)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, _caller: &dyn Caller) -> Result<usize> {
        match cmd {
            FIONREAD => {
                let bytes = i32::try_from(self.queue.lock().bytes()).unwrap_or(i32::MAX);
                UserPtr::<i32>::new(UserAddr(arg)).write(&bytes)?;
            }
            INOTIFY_IOC_SETNEXTWD => {
                let next = i32::try_from(arg)
                    .ok()
                    .filter(|next| *next >= 1)
                    .ok_or(Errno::EINVAL)?;
                self.watches.lock().last_wd = next - 1;
            }
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }

    fn show_info(&self, _file: &OpenFile, out: &mut dyn fmt::Write) -> fmt::Result {
        // The newest first, as Linux lists them.
        for (_, watch) in self.watches.lock().by_wd.iter().rev() {
            watch.show(out)?;
        }
        Ok(())
    }
}
