//! The cursor: `DRM_IOCTL_MODE_CURSOR`, `DRM_IOCTL_MODE_CURSOR2`.
//!
//! The device wants a picture of one size. The program's is copied into it when it is set, so that any smaller one will
//! do, and what the program does with its buffer afterwards does not show.

use abi::drm::mode::{
    DRM_MODE_CURSOR_BO, DRM_MODE_CURSOR_FLAGS, DRM_MODE_CURSOR_MOVE, DrmModeCursor2,
};
use abi::{Errno, Result};
use alloc::sync::Arc;

use super::buffer::{Buffer, PIXEL, Surface};
use super::file::DrmFile;
use super::rect::Rect;

/// The side of the device's cursor.
pub const SIDE: u32 = 64;
const ROW: usize = (SIDE * PIXEL) as usize;

/// Memory for the device's picture, where a display has none yet; got without its lock.
fn room(file: &DrmFile, arg: &DrmModeCursor2) -> Result<Option<Arc<Buffer>>> {
    if arg.flags & DRM_MODE_CURSOR_BO == 0
        || arg.handle == 0
        || file
            .card
            .state()
            .crtc(arg.crtc_id)?
            .cursor_surface
            .is_some()
    {
        return Ok(None);
    }
    Buffer::new(u64::from(SIDE * SIDE * PIXEL)).map(Some)
}

/// Sets or moves the cursor.
pub(super) fn set(file: &DrmFile, arg: &DrmModeCursor2) -> Result<()> {
    if arg.flags == 0 || arg.flags & !DRM_MODE_CURSOR_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let engine = &file.card.engine;
    let room = room(file, arg)?;
    let mut state = file.card.state();
    let output = state.crtc(arg.crtc_id)?;
    if arg.flags & DRM_MODE_CURSOR_MOVE != 0 {
        output.cursor_place = (arg.x, arg.y);
    }
    if arg.flags & DRM_MODE_CURSOR_BO == 0 {
        if output.cursor_on {
            engine.move_cursor(output.index, output.cursor_place);
        }
        return Ok(());
    }
    if arg.handle == 0 {
        output.cursor_on = false;
        engine.show_cursor(output.index, 0, (0, 0), output.cursor_place);
        return Ok(());
    }
    let from = file.buffer(arg.handle).map_err(|_| Errno::EINVAL)?;
    let bytes = u64::from(arg.width) * u64::from(arg.height) * u64::from(PIXEL);
    if !(1..=SIDE).contains(&arg.width) || !(1..=SIDE).contains(&arg.height) || bytes > from.size()
    {
        return Err(Errno::EINVAL);
    }
    if output.cursor_surface.is_none()
        && let Some(buffer) = room
    {
        let surface = Surface::new(engine, &buffer, (SIDE * PIXEL, 0), SIDE, true)?;
        output.cursor_surface = Some(surface);
    }
    let Some(surface) = &output.cursor_surface else {
        return Err(Errno::ENOMEM);
    };
    let width = (arg.width * PIXEL) as usize;
    for y in 0..SIDE {
        let mut row = [0; ROW];
        if y < arg.height
            && let Some(part) = row.get_mut(..width)
        {
            from.read(u64::from(y) * width as u64, part);
        }
        surface.buffer().write(u64::from(y) * ROW as u64, &row);
    }
    let fence = engine.submit(&[surface.transfer(Rect::sized(SIDE, SIDE))])?;
    engine.wait(fence)?;
    let hot = (
        arg.hot_x.clamp(0, SIDE.cast_signed()).cast_unsigned(),
        arg.hot_y.clamp(0, SIDE.cast_signed()).cast_unsigned(),
    );
    engine.show_cursor(output.index, surface.resource(), hot, output.cursor_place);
    output.cursor_on = true;
    Ok(())
}
