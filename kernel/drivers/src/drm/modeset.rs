//! Setting modes, flipping, marking damage: `SETCRTC`, `PAGE_FLIP`, `DIRTYFB`, DPMS.

use abi::drm::mode::{
    DRM_MODE_DPMS_ON, DRM_MODE_PAGE_FLIP_ASYNC, DRM_MODE_PAGE_FLIP_EVENT, DRM_MODE_PAGE_FLIP_FLAGS,
    DrmModeCrtc, DrmModeCrtcPageFlip, DrmModeInfo,
};
use abi::drm::{DRM_EVENT_FLIP_COMPLETE, DrmEventVblank, fourcc};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Instant;

use super::card::{Card, promise};
use super::engine::Op;
use super::file::DrmFile;
use super::modes;
use super::rect::{Rect, damage};
use super::state::{Flip, Framebuffer, Notice, Output, State};

/// In place of a framebuffer's number: the one that is shown.
const PRESENT: u32 = u32::MAX;

/// What shows the output's framebuffer from now on; nothing where it is dark.
fn show(output: &Output) -> Vec<Op> {
    match (&output.fb, output.on) {
        (Some(fb), true) => {
            let shown = output.shown();
            let scanout = Op::Scanout {
                scanout: output.index,
                resource: fb.surface.resource(),
                shown,
            };
            let mut ops = fb.surface.update(&[shown]);
            // Fetched before it is shown, flushed after.
            ops.insert(1, scanout);
            ops
        }
        _ => [Op::Scanout {
            scanout: output.index,
            resource: 0,
            shown: Rect::default(),
        }]
        .into(),
    }
}

impl Card {
    pub(super) fn show_and_wait(&self, output: &Output) -> Result<()> {
        let fence = self.engine.submit(&show(output))?;
        self.engine.wait(fence)
    }

    /// Turns off what shows a framebuffer of these; the flips that ends, to be told of outside the lock.
    pub(super) fn stop_showing(
        &self,
        state: &mut State,
        gone: impl Fn(&Framebuffer) -> bool,
    ) -> Vec<(Notice, DrmEventVblank)> {
        let mut told = Vec::new();
        for output in &mut state.outputs {
            if output.fb.as_deref().is_some_and(&gone) {
                told.extend(self.end_flip(output));
                let before = output.fb.take();
                turn_off(output);
                // Nobody hears of a device that does not answer.
                let _ = self.show_and_wait(output);
                drop(before);
            }
        }
        told
    }

    /// What a client made goes with it.
    pub(super) fn client_gone(&self, id: u64) {
        let mut state = self.state();
        for output in &mut state.outputs {
            output.waiting.retain(|(_, notice)| notice.client != id);
            if let Some(flip) = &mut output.flip
                && flip
                    .notice
                    .as_ref()
                    .is_some_and(|notice| notice.client == id)
            {
                flip.notice = None;
            }
        }
        self.stop_showing(&mut state, |fb| fb.owner == id);
        let (gone, kept) = core::mem::take(&mut state.framebuffers)
            .into_iter()
            .partition(|(_, fb)| fb.owner == id);
        state.framebuffers = kept;
        drop::<alloc::collections::BTreeMap<u32, Arc<Framebuffer>>>(gone);
        state.blobs.retain(|_, blob| blob.owner != Some(id));
    }
}

/// Tells who flipped that it is done.
pub(super) fn tell(told: impl IntoIterator<Item = (Notice, DrmEventVblank)>) {
    for (notice, event) in told {
        notice.queue.push(event);
        notice.queue.tell();
    }
}

fn turn_off(output: &mut Output) {
    output.mode = None;
    output.fb = None;
    output.on = false;
    output.corner = (0, 0);
}

/// Whether a mode's picture lies within a framebuffer.
fn check_view(fb: &Framebuffer, mode: &DrmModeInfo, (x, y): (u32, u32)) -> Result<()> {
    let (width, height) = (u32::from(mode.hdisplay), u32::from(mode.vdisplay));
    let fits =
        |side: u32, from: u32, len: u32| side.checked_sub(len).is_some_and(|most| from <= most);
    if fits(fb.width, x, width) && fits(fb.height, y, height) {
        Ok(())
    } else {
        Err(Errno::ENOSPC)
    }
}

/// `DRM_IOCTL_MODE_SETCRTC`, its connectors read in.
pub(super) fn set_crtc(file: &DrmFile, arg: &DrmModeCrtc, connectors: &[u32]) -> Result<()> {
    if arg.x > 0xffff || arg.y > 0xffff {
        return Err(Errno::ERANGE);
    }
    let mut state = file.card.state();
    state.crtc(arg.crtc_id)?;
    let setting = if arg.mode_valid == 0 {
        None
    } else {
        let fb = match arg.fb_id {
            PRESENT => state.crtc(arg.crtc_id)?.fb.clone().ok_or(Errno::EINVAL)?,
            id => state.framebuffer(id)?,
        };
        modes::check(&arg.mode)?;
        if fb.format != fourcc::XRGB8888 {
            return Err(Errno::EINVAL);
        }
        check_view(&fb, &arg.mode, (arg.x, arg.y))?;
        Some(fb)
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
    let output = state.crtc(arg.crtc_id)?;
    let told = file.card.end_flip(output);
    let before = core::mem::take(&mut output.fb);
    match setting {
        Some(fb) => {
            output.fb = Some(fb);
            output.mode = Some(arg.mode);
            output.on = true;
            output.corner = (arg.x, arg.y);
            let period = modes::period_ns(&arg.mode);
            output.vblank = output.vblank.with_period(Instant::now(), period);
        }
        None => turn_off(output),
    }
    let shown = file.card.show_and_wait(output);
    // Not before another one is shown.
    drop(before);
    drop(state);
    tell(told);
    shown
}

/// `DRM_IOCTL_MODE_PAGE_FLIP`
pub(super) fn page_flip(file: &DrmFile, arg: &DrmModeCrtcPageFlip) -> Result<()> {
    let unknown = arg.flags & !DRM_MODE_PAGE_FLIP_FLAGS;
    // Flips at a given blank or at none are not had: the capabilities say so.
    if unknown != 0 || arg.reserved != 0 || arg.flags & !DRM_MODE_PAGE_FLIP_EVENT != 0 {
        return Err(Errno::EINVAL);
    }
    debug_assert_eq!(arg.flags & DRM_MODE_PAGE_FLIP_ASYNC, 0);
    let mut state = file.card.state();
    state.crtc(arg.crtc_id)?;
    let fb = state.framebuffer(arg.fb_id);
    let output = state.crtc(arg.crtc_id)?;
    // The pipe is dark, perhaps since the display went.
    let (Some(old), Some(mode)) = (&output.fb, output.mode) else {
        return Err(Errno::EBUSY);
    };
    let fb = fb?;
    check_view(&fb, &mode, output.corner)?;
    if old.format != fb.format {
        return Err(Errno::EINVAL);
    }
    if output.flip.is_some() {
        return Err(Errno::EBUSY);
    }
    let notice = if arg.flags & DRM_MODE_PAGE_FLIP_EVENT != 0 {
        let kind = DRM_EVENT_FLIP_COMPLETE;
        Some(promise(file.id, &file.events, arg.user_data, kind)?)
    } else {
        None
    };
    let before = output.fb.replace(fb);
    let fence = match file.card.engine.submit(&show(output)) {
        Ok(fence) => fence,
        Err(error) => {
            output.fb = before;
            if let Some(notice) = notice {
                notice.queue.forgo();
            }
            return Err(error);
        }
    };
    let (number, _) = output.vblank.last(Instant::now());
    output.flip = Some(Flip {
        fence,
        from: number + 1,
        notice,
        before,
    });
    file.card.await_blank(output);
    Ok(())
}

/// `DRM_IOCTL_MODE_DIRTYFB`, its rectangles read in; none: all of it.
pub(super) fn dirty(file: &DrmFile, id: u32, clips: &[Rect]) -> Result<()> {
    let state = file.card.state();
    let fb = state.framebuffer(id)?;
    let whole = [Rect::sized(fb.width, fb.height)];
    let clips = if clips.is_empty() { &whole } else { clips };
    let mut ops = Vec::new();
    for output in &state.outputs {
        if output.on
            && output
                .fb
                .as_ref()
                .is_some_and(|shown| Arc::ptr_eq(shown, &fb))
        {
            ops.extend(fb.surface.update(&damage(clips, output.shown())));
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

/// Sets a property of a connector.
pub(super) fn set_connector_property(
    file: &DrmFile,
    connector: u32,
    prop: u32,
    value: u64,
) -> Result<()> {
    let mut state = file.card.state();
    let dpms = state.props.dpms;
    let known = state.props.get(prop);
    let allowed = known.is_some_and(|prop| prop.values.contains(&value));
    let output = state.connector(connector)?;
    if prop != dpms || !allowed {
        return Err(Errno::EINVAL);
    }
    // All but on are off.
    let on = value == DRM_MODE_DPMS_ON && output.mode.is_some();
    if output.on == on {
        return Ok(());
    }
    output.on = on;
    file.card.show_and_wait(output)
}
