//! A card's first display as plain memory: `/dev/fb0`.
//!
//! Its picture is made when it is first opened, and shown while no program sets modes. What is written shows at once;
//! what is drawn into a mapping is fetched twenty times a second, for as long as it is mapped and shown.

use abi::drm::mode::DrmModeInfo;
use abi::fb::{
    FB_BLANK_POWERDOWN, FB_BLANK_UNBLANK, FB_MAJOR, FB_VISUAL_TRUECOLOR, FBIOBLANK,
    FBIOGET_FSCREENINFO, FBIOGET_VSCREENINFO, FBIOPAN_DISPLAY, FBIOPUT_VSCREENINFO, FbBitfield,
    FbFixScreeninfo, FbVarScreeninfo,
};
use abi::stat::makedev;
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use hal::{UserAddr, UserPtr};
use mm::MemObject;
use mm::io::{IoDst, IoSrc};
use vfs::{Caller, CharDevice, FileOps, MmapRequest, OpenFile, OpenRequest, Whence, seek};

use crate::drm::{Card, Framebuffer, Rect};
use crate::node::{self, Node};

/// Opens the frame buffer.
struct Opener {
    card: Arc<Card>,
}

impl CharDevice for Opener {
    fn open(&self, _minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let (picture, mode) = self.card.console()?;
        Ok(Arc::new(FbFile {
            card: self.card.clone(),
            picture,
            mode,
        }))
    }
}

/// An open frame buffer.
struct FbFile {
    card: Arc<Card>,
    picture: Arc<Framebuffer>,
    mode: DrmModeInfo,
}

impl FbFile {
    /// Bytes of the picture.
    fn len(&self) -> u64 {
        self.picture.buffer.size()
    }

    fn variable(&self) -> FbVarScreeninfo {
        let color = |offset| FbBitfield {
            offset,
            length: 8,
            msb_right: 0,
        };
        FbVarScreeninfo {
            xres: self.picture.width,
            yres: self.picture.height,
            xres_virtual: self.picture.width,
            yres_virtual: self.picture.height,
            bits_per_pixel: 32,
            red: color(16),
            green: color(8),
            blue: color(0),
            // Unknown, as Linux says it.
            height: u32::MAX,
            width: u32::MAX,
            pixclock: 1_000_000_000_u32.checked_div(self.mode.clock).unwrap_or(0),
            ..FbVarScreeninfo::default()
        }
    }

    fn fixed(&self) -> FbFixScreeninfo {
        let mut fixed = FbFixScreeninfo {
            smem_len: u32::try_from(self.len()).unwrap_or(u32::MAX),
            visual: FB_VISUAL_TRUECOLOR,
            xpanstep: 1,
            ypanstep: 1,
            line_length: self.picture.pitch,
            ..FbFixScreeninfo::default()
        };
        let name = b"virtio_gpudrmfb";
        for (to, from) in fixed.id.iter_mut().zip(name) {
            *to = *from;
        }
        fixed
    }

    /// The picture has one size and one depth: asked for less, it is as it was; for more, it cannot be.
    fn put(&self, user: UserPtr<FbVarScreeninfo>) -> Result<()> {
        let wanted = user.read()?;
        let has = self.variable();
        if wanted.bits_per_pixel > has.bits_per_pixel
            || wanted.xres > has.xres
            || wanted.yres > has.yres
            || wanted.xres_virtual > has.xres_virtual
            || wanted.yres_virtual > has.yres_virtual
        {
            return Err(Errno::EINVAL);
        }
        user.write(&has)
    }

    /// Shows rows that were written.
    fn show(&self, from: u64, len: usize) {
        let pitch = u64::from(self.picture.pitch).max(1);
        let row = |at: u64| u32::try_from(at / pitch).unwrap_or(u32::MAX);
        let last = row((from + len as u64).saturating_sub(1)).saturating_add(1);
        let rows = Rect::new(0, row(from), self.picture.width, last);
        self.card.update_console(&self.picture, rows);
    }
}

impl FileOps for FbFile {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, pos: &mut u64) -> Result<usize> {
        let done = self.picture.buffer.object().read_at(*pos, dst)?;
        *pos += done as u64;
        Ok(done)
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, pos: &mut u64) -> Result<usize> {
        if *pos > self.len() {
            return Err(Errno::EFBIG);
        }
        let room = self.len() - *pos;
        if src.remaining() as u64 > room {
            if room == 0 {
                return Err(Errno::ENOSPC);
            }
            src.limit(usize::try_from(room).unwrap_or(usize::MAX));
        }
        let done = self.picture.buffer.object().write_at(*pos, src)?;
        if done > 0 {
            self.show(*pos, done);
        }
        *pos += done as u64;
        Ok(done)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        // As Linux's default for devices: the end is not known.
        seek::within(0, pos, offset, whence)
    }

    fn mmap(&self, _file: &OpenFile, request: &MmapRequest) -> Result<Arc<MemObject>> {
        let end = request.offset.checked_add(request.len as u64);
        if end.is_none_or(|end| end > self.len()) || !request.shared {
            return Err(Errno::EINVAL);
        }
        // Held before it is watched: who watches nothing stops.
        let object = self.picture.buffer.object().clone();
        self.card.watch_console();
        Ok(object)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, _caller: &dyn Caller) -> Result<usize> {
        let user = UserAddr(arg);
        match cmd {
            FBIOGET_VSCREENINFO => UserPtr::new(user).write(&self.variable())?,
            FBIOGET_FSCREENINFO => UserPtr::new(user).write(&self.fixed())?,
            FBIOPUT_VSCREENINFO => self.put(UserPtr::new(user))?,
            FBIOPAN_DISPLAY => {
                let wanted = UserPtr::<FbVarScreeninfo>::new(user).read()?;
                // The picture is no larger than the display.
                if (wanted.xoffset, wanted.yoffset) != (0, 0) {
                    return Err(Errno::EINVAL);
                }
                self.card.update_console(
                    &self.picture,
                    Rect::sized(self.picture.width, self.picture.height),
                );
            }
            FBIOBLANK => match arg {
                FB_BLANK_UNBLANK => self.card.blank_console(false)?,
                1..=FB_BLANK_POWERDOWN => self.card.blank_console(true)?,
                _ => return Err(Errno::EINVAL),
            },
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }
}

/// Shows a card's first display as a frame buffer.
///
/// # Errors
/// `EBUSY`: there is one already.
pub(crate) fn add(card: &Arc<Card>, place: &str) -> Result<()> {
    let opener = Arc::new(Opener { card: card.clone() });
    vfs::register_chrdev(FB_MAJOR, 0, 1, "fb", opener)?;
    let mut node = Node::new("fb0", makedev(FB_MAJOR, 0), 0o600, "graphics");
    node.above = alloc::format!("{place}/graphics");
    node.parent = String::from(place);
    node.attributes = vec![("name", "virtio_gpudrmfb\n".into())];
    if let Some((width, height)) = card.console_size() {
        let stride = u64::from(width) * 4;
        node.attributes.extend([
            ("bits_per_pixel", "32\n".into()),
            ("stride", alloc::format!("{stride}\n")),
            ("virtual_size", alloc::format!("{width},{height}\n")),
            ("modes", alloc::format!("U:{width}x{height}p-0\n")),
            ("pan", "0,0\n".into()),
            ("rotate", "0\n".into()),
            ("state", "0\n".into()),
        ]);
    }
    node::publish(node);
    Ok(())
}
