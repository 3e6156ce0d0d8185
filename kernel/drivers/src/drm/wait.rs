//! Waiting for vertical blanks: `WAIT_VBLANK`, `CRTC_GET_SEQUENCE`.

use abi::drm::{
    DRM_EVENT_VBLANK, DRM_IOCTL_BASE, DRM_VBLANK_EVENT, DRM_VBLANK_HIGH_CRTC_MASK,
    DRM_VBLANK_HIGH_CRTC_SHIFT, DRM_VBLANK_KNOWN, DRM_VBLANK_NEXTONMISS, DRM_VBLANK_RELATIVE,
    DRM_VBLANK_SECONDARY, DRM_VBLANK_SIGNAL, DrmCrtcGetSequence, DrmWaitVblank, nr,
};
use abi::{Errno, Result};
use sync::Instant;

use super::card::promise;
use super::file::DrmFile;
use super::vblank::widen;

/// Blanks further off than this have passed already: numbers of 32 bits wrap.
const FAR: u64 = 1 << 23;

/// Whether a command may wait.
pub(super) fn may_wait(cmd: u32) -> bool {
    let [number, kind, ..] = cmd.to_le_bytes();
    kind == DRM_IOCTL_BASE && number == nr::WAIT_VBLANK
}

/// `DRM_IOCTL_WAIT_VBLANK`: `EAGAIN` until the blank has come.
pub(super) fn wait_vblank(file: &DrmFile, arg: &mut DrmWaitVblank) -> Result<()> {
    if arg.kind & DRM_VBLANK_SIGNAL != 0 || arg.kind & !DRM_VBLANK_KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let pipe = match (arg.kind & DRM_VBLANK_HIGH_CRTC_MASK) >> DRM_VBLANK_HIGH_CRTC_SHIFT {
        0 => u32::from(arg.kind & DRM_VBLANK_SECONDARY != 0),
        high => high,
    };
    let mut state = file.card.state();
    let output = state
        .outputs
        .iter_mut()
        .find(|output| output.index == pipe)
        .filter(|output| output.mode.is_some())
        .ok_or(Errno::EINVAL)?;
    let (now, moment) = output.vblank.last(Instant::now());
    let mut target = if arg.kind & DRM_VBLANK_RELATIVE != 0 {
        // Who is interrupted and comes again waits for the same blank.
        arg.kind &= !DRM_VBLANK_RELATIVE;
        now + u64::from(arg.sequence)
    } else {
        widen(now, arg.sequence)
    };
    arg.sequence = target as u32;
    let passed = target <= now || target - now > FAR;
    if arg.kind & DRM_VBLANK_NEXTONMISS != 0 && passed && target != now {
        target = now + 1;
        arg.sequence = target as u32;
    }
    if arg.kind & DRM_VBLANK_EVENT != 0 {
        let user_data = arg.signal.cast_unsigned();
        let notice = promise(file.id, &file.events, user_data, DRM_EVENT_VBLANK)?;
        output.waiting.push((target, notice));
        if passed {
            file.card.wake();
        }
        file.card.await_blank(output);
        return Ok(());
    }
    if target > now && target - now <= FAR {
        file.card.await_blank(output);
        return Err(Errno::EAGAIN);
    }
    let ns = moment.as_nanos();
    arg.sequence = now as u32;
    arg.signal = (ns / 1_000_000_000).cast_signed();
    arg.tval_usec = (ns % 1_000_000_000 / 1000).cast_signed();
    Ok(())
}

/// `DRM_IOCTL_CRTC_GET_SEQUENCE`
pub(super) fn sequence(file: &DrmFile, arg: &mut DrmCrtcGetSequence) -> Result<()> {
    let mut state = file.card.state();
    let output = state.crtc(arg.crtc_id)?;
    let (number, moment) = output.vblank.last(Instant::now());
    arg.active = u32::from(output.mode.is_some());
    arg.sequence = number;
    arg.sequence_ns = moment.as_nanos().cast_signed();
    Ok(())
}
