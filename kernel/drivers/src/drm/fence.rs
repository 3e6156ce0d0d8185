//! The end of a flip as a descriptor (`linux/sync_file.h`): a program polls it, or has a later flip wait for it.

use abi::drm::sync_file::{
    SYNC_IOC_FILE_INFO, SYNC_IOC_MERGE, SYNC_IOC_SET_DEADLINE, SyncFenceInfo, SyncFileInfo,
    SyncMergeData,
};
use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use hal::{UserAddr, UserPtr};
use sync::{Events, Instant, Pollee};
use vfs::{Caller, FileOps, OpenFile};

/// Told of the end of every flip that has a descriptor: there are few, and each ends soon.
static ENDED: Pollee = Pollee::new();

/// The number of the fence made last.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Longer than any flip lasts.
const PATIENCE: Duration = Duration::from_secs(5);

/// The end of a flip.
pub struct Fence {
    driver: &'static str,
    timeline: String,
    /// Ends of one display come in the order of their numbers.
    context: u64,
    number: u64,
    /// When it came, in nanoseconds since the start; 0: not yet.
    came: AtomicU64,
}

impl Fence {
    /// The end of the next flip of the display at a place, whose pipe has this number.
    #[must_use]
    pub fn new(driver: &'static str, crtc: u32, at: usize) -> Arc<Self> {
        Arc::new(Self {
            driver,
            timeline: format!("CRTC:{crtc}-crtc-{at}"),
            context: crtc.into(),
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            came: AtomicU64::new(0),
        })
    }

    /// It is there. Wakes: call it without a lock.
    pub fn signal(&self) {
        let now = Instant::now().as_nanos().max(1);
        self.came.store(now, Ordering::Release);
        ENDED.notify(Events::IN);
    }

    fn is_signalled(&self) -> bool {
        self.came.load(Ordering::Acquire) != 0
    }
}

/// An open file of fences.
pub struct SyncFile {
    fences: Vec<Arc<Fence>>,
    /// A name given to it, and its end.
    name: [u8; 32],
}

/// A text in a field of its size, with an end.
fn field(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().take(31).zip(text.bytes()) {
        *to = from;
    }
    bytes
}

impl SyncFile {
    /// A file of one fence.
    pub fn open(fence: Arc<Fence>, caller: &dyn Caller) -> Arc<OpenFile> {
        Self::make([fence].into(), [0; 32], caller)
    }

    fn make(fences: Vec<Arc<Fence>>, name: [u8; 32], caller: &dyn Caller) -> Arc<OpenFile> {
        let ops = Arc::new(Self { fences, name });
        vfs::anon::anon_file("sync_file", ops, OFlags::empty(), caller.cred().clone())
    }

    fn is_signalled(&self) -> bool {
        self.fences.iter().all(|fence| fence.is_signalled())
    }

    /// Sleeps until all of it is there.
    ///
    /// # Errors
    /// `EIO`: the device does not answer.
    pub fn wait(&self) -> Result<()> {
        let deadline = Some(Instant::after(PATIENCE));
        let attempt = || self.is_signalled().then_some(());
        sync::wait_until(&[(&ENDED, Events::IN)], deadline, attempt).ok_or(Errno::EIO)
    }

    /// The fences of both that are still to come, one of each display; the last that came when none is.
    fn with(&self, other: &Self) -> Vec<Arc<Fence>> {
        let mut kept: Vec<Arc<Fence>> = Vec::new();
        let mut came = 0;
        for fence in self.fences.iter().chain(&other.fences) {
            let at = fence.came.load(Ordering::Acquire);
            came = came.max(at);
            if at != 0 {
                continue;
            }
            match kept.iter_mut().find(|one| one.context == fence.context) {
                Some(one) if one.number < fence.number => *one = fence.clone(),
                Some(_) => {}
                None => kept.push(fence.clone()),
            }
        }
        if kept.is_empty() {
            kept.push(Arc::new(Fence {
                driver: "stub",
                timeline: "stub".into(),
                context: 0,
                number: 0,
                came: AtomicU64::new(came),
            }));
        }
        kept
    }

    fn merge(&self, user: UserPtr<SyncMergeData>, caller: &dyn Caller) -> Result<()> {
        let mut merge = user.read()?;
        if merge.flags != 0 || merge.pad != 0 {
            return Err(Errno::EINVAL);
        }
        let other = caller.file(merge.fd2).map_err(|_| Errno::ENOENT)?;
        let other = other.ops_as::<Self>().ok_or(Errno::ENOENT)?;
        let [.., end] = &mut merge.name;
        *end = 0;
        let open = Self::make(self.with(other), merge.name, caller);
        caller.install_after(open, true, &mut |fd| {
            user.write(&SyncMergeData { fence: fd, ..merge })
        })
    }

    fn info(&self, user: UserPtr<SyncFileInfo>) -> Result<()> {
        let mut info = user.read()?;
        if info.flags != 0 || info.pad != 0 {
            return Err(Errno::EINVAL);
        }
        let room = core::mem::replace(&mut info.num_fences, self.fences.len() as u32);
        info.status = self.is_signalled().into();
        if room != 0 {
            if room < info.num_fences {
                return Err(Errno::EINVAL);
            }
            let to = UserPtr::<SyncFenceInfo>::new(UserAddr(info.sync_fence_info as usize));
            for (at, fence) in self.fences.iter().enumerate() {
                to.add(at).write(&SyncFenceInfo {
                    obj_name: field(&fence.timeline),
                    driver_name: field(fence.driver),
                    status: fence.is_signalled().into(),
                    flags: 0,
                    timestamp_ns: fence.came.load(Ordering::Acquire),
                })?;
            }
        }
        info.name = self.name;
        if let (0, [fence, ..]) = (self.name[0], &*self.fences) {
            let Fence {
                driver,
                timeline,
                context,
                number,
                ..
            } = &**fence;
            info.name = field(&format!("{driver}-{timeline}{context}-{number}"));
        }
        user.write(&info)
    }
}

impl FileOps for SyncFile {
    fn ready(&self, _file: &OpenFile) -> Events {
        if self.is_signalled() {
            Events::IN
        } else {
            Events::empty()
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&ENDED)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        let user = UserAddr(arg);
        match cmd {
            SYNC_IOC_MERGE => self.merge(UserPtr::new(user), caller)?,
            SYNC_IOC_FILE_INFO => self.info(UserPtr::new(user))?,
            // A wish for haste, which the device cannot be told of.
            SYNC_IOC_SET_DEADLINE => match UserPtr::<[u64; 2]>::new(user).read()? {
                [_, 0] => {}
                _ => return Err(Errno::EINVAL),
            },
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }
}
