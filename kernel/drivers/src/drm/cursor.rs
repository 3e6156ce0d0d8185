//! The cursor: `DRM_IOCTL_MODE_CURSOR`, `DRM_IOCTL_MODE_CURSOR2`, and the device's picture of it.
//!
//! The device wants a picture of one size. The program's is copied into it when it is set, so that any smaller one will
//! do, and what the program does with its buffer afterwards does not show.

use abi::drm::fourcc;
use abi::drm::mode::{
    DRM_MODE_CURSOR_BO, DRM_MODE_CURSOR_FLAGS, DRM_MODE_CURSOR_MOVE, DrmModeCursor2, DrmModeFbCmd2,
};
use abi::{Errno, Result};
use alloc::vec;

use super::buffer::{Buffer, PIXEL, Surface};
use super::card::Card;
use super::commit::{self, Change, How, Told};
use super::file::DrmFile;
use super::framebuffer;
use super::rect::Rect;
use super::setting::{ONE, Plane, Setting, Touched};
use super::state::Output;

/// The side of the device's cursor.
pub const SIDE: u32 = 64;
const ROW: usize = (SIDE * PIXEL) as usize;

/// Where the device is told that the cursor points.
fn target(plane: &Plane) -> (i32, i32) {
    (
        plane.place.0.saturating_add(plane.hot.0),
        plane.place.1.saturating_add(plane.hot.1),
    )
}

/// Makes the pictures for cursors, before there is something to be copied into them: memory is not got under the state's
/// lock.
///
/// # Errors
/// `ENOMEM`, `EIO`.
pub(super) fn prepare(card: &Card) -> Result<()> {
    let lacks = |output: &Output| output.cursor_surface.is_none();
    while card.state().outputs.iter().any(lacks) {
        let buffer = Buffer::new(u64::from(SIDE * SIDE * PIXEL))?;
        let mut state = card.state();
        if let Some(output) = state.outputs.iter_mut().find(|output| lacks(output)) {
            let surface = Surface::new(&card.engine, &buffer, (SIDE * PIXEL, 0), SIDE, true)?;
            output.cursor_surface = Some(surface);
        }
    }
    Ok(())
}

/// Makes the device's cursor what the display's setting says; `old` is what it was.
///
/// # Errors
/// `ENOMEM`, `EIO`.
pub(super) fn follow(card: &Card, output: &mut Output, old: &Setting) -> Result<()> {
    let is_on = |setting: &Setting| setting.active && setting.cursor.fb.is_some();
    let engine = &card.engine;
    let plane = &output.now.cursor;
    let (Some(fb), true) = (&plane.fb, output.now.active) else {
        if is_on(old) {
            engine.show_cursor(output.index, 0, (0, 0), target(plane));
        }
        return Ok(());
    };
    if is_on(old) && plane.shows_as(&old.cursor) && plane.hot == old.cursor.hot {
        if plane.place != old.cursor.place {
            engine.move_cursor(output.index, target(plane));
        }
        return Ok(());
    }
    let Some(surface) = &output.cursor_surface else {
        return Err(Errno::ENOMEM);
    };
    let [x, y, width, height] = plane.source.map(|sub| sub / ONE);
    let start = u64::from(fb.offset) + u64::from(x) * u64::from(PIXEL);
    let width = (width.min(SIDE) * PIXEL) as usize;
    for line in 0..SIDE {
        let mut row = [0; ROW];
        if line < height
            && let Some(part) = row.get_mut(..width)
        {
            let at = u64::from(y + line) * u64::from(fb.pitch);
            fb.buffer.read(start + at, part);
        }
        surface.buffer().write(u64::from(line) * ROW as u64, &row);
    }
    let fence = engine.submit(&[surface.transfer(Rect::sized(SIDE, SIDE))])?;
    engine.wait(fence)?;
    let hot = |at: i32| at.clamp(0, SIDE.cast_signed()).cast_unsigned();
    let hot = (hot(plane.hot.0), hot(plane.hot.1));
    engine.show_cursor(output.index, surface.resource(), hot, target(plane));
    Ok(())
}

/// Sets or moves the cursor.
pub(super) fn set(file: &DrmFile, arg: &DrmModeCursor2) -> Result<()> {
    if arg.flags == 0 || arg.flags & !DRM_MODE_CURSOR_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    if arg.flags & DRM_MODE_CURSOR_BO != 0 && arg.handle != 0 {
        prepare(&file.card)?;
    }
    let mut state = file.card.state();
    let at = state.crtc_at(arg.crtc_id)?;
    let output = state.outputs.get(at).ok_or(Errno::ENOENT)?;
    let mut new = output.now.clone();
    let place = if arg.flags & DRM_MODE_CURSOR_MOVE != 0 {
        (arg.x, arg.y)
    } else {
        output.cursor_place
    };
    if arg.flags & DRM_MODE_CURSOR_BO != 0 {
        new.cursor.clear();
        if arg.handle != 0 {
            let picture = DrmModeFbCmd2 {
                width: arg.width,
                height: arg.height,
                pixel_format: fourcc::ARGB8888,
                handles: [arg.handle, 0, 0, 0],
                pitches: [arg.width.saturating_mul(PIXEL), 0, 0, 0],
                ..DrmModeFbCmd2::default()
            };
            let fb = framebuffer::make(file, &mut state, &picture, true)?;
            let size = (fb.width, fb.height);
            new.cursor = Plane::whole(fb, (0, 0), size);
            new.cursor.hot = (arg.hot_x, arg.hot_y);
        }
    }
    new.cursor.place = place;
    let made = new.cursor.fb.clone();
    let touched = Touched {
        cursor: true,
        ..Touched::default()
    };
    let changes = vec![Change { at, new, touched }];
    let how = How {
        may_set_mode: true,
        ..How::default()
    };
    let mut told = Told::new();
    let done = commit::check(&state, &changes, &how)
        .and_then(|()| file.card.commit(&mut state, changes, &how, &mut told));
    match (&done, state.outputs.get_mut(at)) {
        (Ok(()), Some(output)) => output.cursor_place = place,
        _ => state.release_framebuffer(made.as_ref()),
    }
    drop(state);
    commit::tell(told);
    done
}
