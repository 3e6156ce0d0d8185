//! Buffers and framebuffers: `CREATE_DUMB` and its kin, `ADDFB`, `RMFB`, `DIRTYFB`.

use abi::drm::fourcc;
use abi::drm::mode::{
    DRM_MODE_FB_INTERLACED, DRM_MODE_FB_MODIFIERS, DrmModeCreateDumb, DrmModeFbCmd, DrmModeFbCmd2,
    DrmModeMapDumb,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::PAGE_SIZE;

use super::buffer::{Buffer, PIXEL, Surface};
use super::commit::{Told, tell};
use super::file::DrmFile;
use super::state::{Framebuffer, State};

/// Smallest and largest side of a framebuffer, as virtio-gpu has them on Linux.
pub const SIDES: (u32, u32) = (32, 8192);

/// `DRM_IOCTL_MODE_CREATE_DUMB`
pub(super) fn create_dumb(file: &DrmFile, arg: &mut DrmModeCreateDumb) -> Result<()> {
    if arg.width == 0 || arg.height == 0 || arg.bpp == 0 {
        return Err(Errno::EINVAL);
    }
    let stride = arg
        .bpp
        .div_ceil(8)
        .checked_mul(arg.width)
        .ok_or(Errno::EINVAL)?;
    let bytes = stride.checked_mul(arg.height).ok_or(Errno::EINVAL)?;
    let size = bytes
        .checked_next_multiple_of(PAGE_SIZE as u32)
        .ok_or(Errno::EINVAL)?;
    // The device knows pixels of four bytes.
    if arg.bpp != 8 * PIXEL {
        return Err(Errno::EINVAL);
    }
    let buffer = Buffer::new(size.into())?;
    arg.pitch = stride;
    arg.size = buffer.size();
    arg.handle = file.handle_of(&buffer);
    Ok(())
}

/// `DRM_IOCTL_MODE_MAP_DUMB`
pub(super) fn map_dumb(file: &DrmFile, arg: &mut DrmModeMapDumb) -> Result<()> {
    arg.offset = file.buffer(arg.handle)?.map_offset();
    Ok(())
}

/// `DRM_IOCTL_MODE_ADDFB`
pub(super) fn add(file: &DrmFile, arg: &mut DrmModeFbCmd) -> Result<()> {
    let format = match (arg.bpp, arg.depth) {
        (32, 24) => fourcc::XRGB8888,
        (32, 32) => fourcc::ARGB8888,
        (32, 30) => fourcc::XRGB2101010,
        (24, 24) => fourcc::RGB888,
        (16, 16) => fourcc::RGB565,
        (16, 15) => fourcc::XRGB1555,
        _ => return Err(Errno::EINVAL),
    };
    let mut full = DrmModeFbCmd2 {
        width: arg.width,
        height: arg.height,
        pixel_format: format,
        handles: [arg.handle, 0, 0, 0],
        pitches: [arg.pitch, 0, 0, 0],
        ..DrmModeFbCmd2::default()
    };
    add2(file, &mut full)?;
    arg.fb_id = full.fb_id;
    Ok(())
}

/// `DRM_IOCTL_MODE_ADDFB2`
pub(super) fn add2(file: &DrmFile, arg: &mut DrmModeFbCmd2) -> Result<()> {
    // One with alpha is for a cursor.
    if arg.pixel_format == fourcc::ARGB8888 {
        super::cursor::prepare(&file.card)?;
    }
    let mut state = file.card.state();
    arg.fb_id = make(file, &mut state, arg, false)?.id;
    Ok(())
}

/// Makes a framebuffer of a client's; an `internal` one is not its to name.
///
/// # Errors
/// `EINVAL`, `ENOENT`: it cannot be shown; `ENOMEM`: there are too many; `EIO`.
pub(super) fn make(
    file: &DrmFile,
    state: &mut State,
    arg: &DrmModeFbCmd2,
    internal: bool,
) -> Result<Arc<Framebuffer>> {
    let (least, most) = SIDES;
    // Modifiers are not had: the capability says so.
    if arg.flags & !(DRM_MODE_FB_INTERLACED | DRM_MODE_FB_MODIFIERS) != 0
        || arg.flags & DRM_MODE_FB_MODIFIERS != 0
        || !(least..=most).contains(&arg.width)
        || !(least..=most).contains(&arg.height)
    {
        return Err(Errno::EINVAL);
    }
    let bytes = match arg.pixel_format {
        fourcc::XRGB8888 | fourcc::ARGB8888 | fourcc::XRGB2101010 => 4,
        fourcc::RGB888 => 3,
        fourcc::RGB565 | fourcc::XRGB1555 => 2,
        _ => return Err(Errno::EINVAL),
    };
    let [handle, rest @ ..] = arg.handles;
    let ([pitch, ..], [offset, ..]) = (arg.pitches, arg.offsets);
    if handle == 0 || u64::from(pitch) < u64::from(arg.width) * bytes || rest != [0; 3] {
        return Err(Errno::EINVAL);
    }
    // What the device cannot show is ENOENT, as on Linux.
    if !matches!(arg.pixel_format, fourcc::XRGB8888 | fourcc::ARGB8888) {
        return Err(Errno::ENOENT);
    }
    let buffer = file.buffer(handle).map_err(|_| Errno::EINVAL)?;
    let end = u64::from(offset) + u64::from(pitch) * u64::from(arg.height);
    if !pitch.is_multiple_of(PIXEL) || end > buffer.size() {
        return Err(Errno::EINVAL);
    }
    state.room_for(0)?;
    // One with alpha can only be a cursor, and those are copied.
    let surface = if arg.pixel_format == fourcc::XRGB8888 {
        let rows = (pitch, offset);
        let surface = Surface::new(&file.card.engine, &buffer, rows, arg.height, false)?;
        Some(surface)
    } else {
        None
    };
    let framebuffer = Framebuffer {
        id: state.free_id(),
        owner: file.id,
        internal,
        width: arg.width,
        height: arg.height,
        format: arg.pixel_format,
        pitch,
        offset,
        buffer,
        surface,
    };
    let framebuffer = Arc::new(framebuffer);
    state
        .framebuffers
        .insert(framebuffer.id, framebuffer.clone());
    Ok(framebuffer)
}

/// `DRM_IOCTL_MODE_RMFB`; with `keep` `DRM_IOCTL_MODE_CLOSEFB`: what shows it goes on.
pub(super) fn remove(file: &DrmFile, id: u32, keep: bool) -> Result<()> {
    let mut state = file.card.state();
    let found = state.framebuffer(id)?;
    if found.owner != file.id || found.internal {
        return Err(Errno::ENOENT);
    }
    state.framebuffers.remove(&id);
    if !keep {
        let mut told = Told::new();
        file.card
            .stop_showing(&mut state, |fb| fb.id == id, &mut told);
        drop(state);
        tell(told);
    }
    Ok(())
}
