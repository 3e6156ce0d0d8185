//! Setting modes, flipping, marking damage the old way: `SETCRTC`, `SETPLANE`, `PAGE_FLIP`, `DIRTYFB`. Each is a change
//! as atomic mode setting makes them.

use abi::drm::fourcc;
use abi::drm::mode::{
    DRM_MODE_OBJECT_PLANE, DRM_MODE_PAGE_FLIP_EVENT, DrmModeCrtc, DrmModeCrtcPageFlip,
    DrmModeSetPlane,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::atomic;
use super::commit::{self, Change, How, Told, Wish};
use super::file::DrmFile;
use super::modes;
use super::props::Object;
use super::rect::{Rect, damage};
use super::setting::{Plane, Touched};

/// In place of a framebuffer's number: the one that is shown.
const PRESENT: u32 = u32::MAX;

/// `DRM_IOCTL_MODE_SETCRTC`, its connectors read in.
pub(super) fn set_crtc(file: &DrmFile, arg: &DrmModeCrtc, connectors: &[u32]) -> Result<()> {
    if arg.x > 0xffff || arg.y > 0xffff {
        return Err(Errno::ERANGE);
    }
    let mut state = file.card.state();
    let at = state.crtc_at(arg.crtc_id)?;
    let mut new = state.crtc(arg.crtc_id)?.now.clone();
    let setting = if arg.mode_valid == 0 {
        None
    } else {
        let fb = match arg.fb_id {
            PRESENT => new.primary.fb.clone().ok_or(Errno::EINVAL)?,
            id => state.framebuffer(id)?,
        };
        modes::check(&arg.mode)?;
        if fb.format != fourcc::XRGB8888 {
            return Err(Errno::EINVAL);
        }
        let size = (arg.mode.hdisplay.into(), arg.mode.vdisplay.into());
        let plane = Plane::whole(fb.clone(), (arg.x, arg.y), size);
        plane.check_source(&fb)?;
        Some(plane)
    };
    if connectors.is_empty() != setting.is_none() {
        return Err(Errno::EINVAL);
    }
    for connector in connectors {
        // Each display has a pipe of its own.
        if state.connector(*connector)?.crtc != arg.crtc_id {
            return Err(Errno::EINVAL);
        }
    }
    match setting {
        Some(plane) => {
            new.mode_blob = state.keep_mode(&arg.mode, new.mode_blob);
            new.mode = Some(arg.mode);
            new.active = true;
            new.attached = true;
            new.primary = plane;
        }
        None => new.turn_off(),
    }
    let mut told = Told::new();
    let done = file.card.set(&mut state, at, new, &mut told);
    drop(state);
    commit::tell(told);
    done
}

/// `DRM_IOCTL_MODE_SETPLANE`
pub(super) fn set_plane(file: &DrmFile, arg: &DrmModeSetPlane) -> Result<()> {
    let state = file.card.state();
    let found = atomic::find(&state, arg.plane_id, DRM_MODE_OBJECT_PLANE);
    let (at, object) = found.ok_or(Errno::ENOENT)?;
    let output = state.outputs.get(at).ok_or(Errno::ENOENT)?;
    let mut new = output.now.clone();
    let mut touched = Touched::default();
    let plane = if object == Object::Cursor {
        touched.cursor = true;
        &mut new.cursor
    } else {
        touched.primary = true;
        &mut new.primary
    };
    if arg.fb_id == 0 {
        plane.clear();
    } else {
        let fb = state.framebuffer(arg.fb_id)?;
        if state.crtc_at(arg.crtc_id)? != at {
            return Err(Errno::EINVAL);
        }
        *plane = Plane {
            fb: Some(fb),
            attached: true,
            source: [arg.src_x, arg.src_y, arg.src_w, arg.src_h],
            place: (arg.crtc_x, arg.crtc_y),
            size: (arg.crtc_w, arg.crtc_h),
            hot: plane.hot,
            ..Plane::default()
        };
    }
    let changes = vec![Change { at, new, touched }];
    file.card.make(state, changes, &How::default())
}

/// `DRM_IOCTL_MODE_PAGE_FLIP`
pub(super) fn page_flip(file: &DrmFile, arg: &DrmModeCrtcPageFlip) -> Result<()> {
    // Flips at a given blank or at none are not had: the capabilities say so.
    if arg.reserved != 0 || arg.flags & !DRM_MODE_PAGE_FLIP_EVENT != 0 {
        return Err(Errno::EINVAL);
    }
    let state = file.card.state();
    let at = state.crtc_at(arg.crtc_id)?;
    let mut new = state.crtc(arg.crtc_id)?.now.clone();
    let fb = state.framebuffer(arg.fb_id);
    // The pipe is dark, perhaps since the display went.
    let old = new.primary.fb.take().ok_or(Errno::EBUSY)?;
    let fb = fb?;
    new.primary.check_source(&fb)?;
    if old.format != fb.format || !new.active {
        return Err(Errno::EINVAL);
    }
    new.primary.fb = Some(fb);
    new.primary.damage = 0;
    new.primary.clips.clear();
    let how = How {
        nonblock: true,
        wish: (arg.flags & DRM_MODE_PAGE_FLIP_EVENT != 0).then_some(Wish {
            client: file.id,
            queue: &file.events,
            user_data: arg.user_data,
        }),
        ..How::default()
    };
    let touched = Touched {
        crtc: true,
        primary: true,
        cursor: false,
    };
    let changes = vec![Change { at, new, touched }];
    file.card.make(state, changes, &how)
}

/// `DRM_IOCTL_MODE_DIRTYFB`, its rectangles read in; none: all of it.
pub(super) fn dirty(file: &DrmFile, id: u32, clips: &[Rect]) -> Result<()> {
    let state = file.card.state();
    let fb = state.framebuffer(id)?;
    let whole = [Rect::sized(fb.width, fb.height)];
    let clips = if clips.is_empty() { &whole } else { clips };
    let mut ops = Vec::new();
    for output in &state.outputs {
        let shows = output.now.primary.fb.as_ref();
        if let Some(surface) = &fb.surface
            && shows.is_some_and(|shown| Arc::ptr_eq(shown, &fb))
        {
            ops.extend(surface.update(&damage(clips, output.now.shown())));
        }
    }
    if ops.is_empty() {
        return Ok(());
    }
    let fence = file.card.engine.submit(&ops)?;
    drop(state);
    // Who draws on after this does not draw into what is being fetched.
    file.card.engine.wait(fence)
}
