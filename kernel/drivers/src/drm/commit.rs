//! Making the device show what displays are set to. Every change of modes, planes and framebuffers ends here.
//!
//! The device has no vertical blank. As virtio-gpu does on Linux, a flip is over when the device has answered the
//! flush, and its event says so: blank number 0, at that moment.

use abi::drm::{DRM_EVENT_FLIP_COMPLETE, DrmEventVblank};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use sync::{Instant, MutexGuard, rank};

use super::card::Card;
use super::cursor;
use super::engine::Op;
use super::event::EventQueue;
use super::fence::Fence;
use super::rect::Rect;
use super::setting::{Setting, Touched};
use super::state::{Flip, Framebuffer, Notice, Output, State};

/// A flip the device does not answer is over after this.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one display shall be.
pub struct Change {
    /// Which one, by its place among the card's.
    pub at: usize,
    /// The setting it shall have.
    pub new: Setting,
    /// What of it is new.
    pub touched: Touched,
}

/// Who asks for an event of each display changed.
pub struct Wish<'a> {
    /// The client.
    pub client: u64,
    /// Its events.
    pub queue: &'a Arc<EventQueue>,
    /// What it knows the event by.
    pub user_data: u64,
}

/// How a change is made.
#[derive(Default)]
pub struct How<'a> {
    /// It may set modes.
    pub may_set_mode: bool,
    /// It is not waited for: `EBUSY` while another one is on its way.
    pub nonblock: bool,
    /// Who wants to hear of its end.
    pub wish: Option<Wish<'a>>,
    /// Descriptors of its end, by the displays' places.
    pub fences: &'a [(usize, Arc<Fence>)],
}

/// What ended, to be told of when no lock is held.
pub struct Ended {
    event: Option<(Notice, DrmEventVblank)>,
    fence: Option<Arc<Fence>>,
}

/// All that ended meanwhile.
pub type Told = Vec<Ended>;

/// Whether all changes can be made.
///
/// # Errors
/// As [`Setting::check`].
pub fn check(state: &State, changes: &[Change], how: &How<'_>) -> Result<()> {
    for change in changes {
        let output = state.outputs.get(change.at).ok_or(Errno::EINVAL)?;
        let event = how.wish.is_some() || how.fences.iter().any(|(at, _)| *at == change.at);
        change
            .new
            .check(&output.now, change.touched, how.may_set_mode, event)?;
    }
    Ok(())
}

/// What the device is to do for the picture to go from `old` to what is set now.
fn show(output: &Output, old: &Setting) -> Vec<Op> {
    let shown = output.now.shown();
    let surface = output
        .now
        .primary
        .fb
        .as_ref()
        .and_then(|fb| fb.surface.as_ref());
    let Some(surface) = surface.filter(|_| !shown.is_empty()) else {
        if old.shown().is_empty() {
            return Vec::new();
        }
        return [Op::Scanout {
            scanout: output.index,
            resource: 0,
            shown: Rect::default(),
        }]
        .into();
    };
    let as_before = output.now.primary.shows_as(&old.primary)
        && !output.now.needs_modeset(old)
        && old.shown() == shown;
    if as_before {
        let clips = &output.now.primary.clips;
        let parts = if clips.is_empty() {
            [shown].into()
        } else {
            super::rect::damage(clips, shown)
        };
        return surface.update(&parts);
    }
    let mut ops = surface.update(&[shown]);
    // Fetched before it is shown, flushed after.
    ops.insert(
        1,
        Op::Scanout {
            scanout: output.index,
            resource: surface.resource(),
            shown,
        },
    );
    ops
}

/// The event of a flip that ends now.
fn event_of(notice: &Notice, crtc: u32) -> DrmEventVblank {
    let now = Instant::now().as_nanos();
    DrmEventVblank {
        kind: DRM_EVENT_FLIP_COMPLETE,
        length: size_of::<DrmEventVblank>() as u32,
        user_data: notice.user_data,
        tv_sec: (now / 1_000_000_000) as u32,
        tv_usec: (now % 1_000_000_000 / 1000) as u32,
        sequence: 0,
        crtc_id: crtc,
    }
}

impl Flip {
    fn end(self, crtc: u32) -> Ended {
        let with_event = |notice| {
            let event = event_of(&notice, crtc);
            (notice, event)
        };
        Ended {
            event: self.notice.map(with_event),
            fence: self.wanted,
        }
    }
}

impl Card {
    /// Checks changes, makes them, lets the state go and tells of what ended.
    ///
    /// # Errors
    /// As [`check`] and [`Card::commit`].
    pub(super) fn make(
        &self,
        mut state: MutexGuard<'_, State, { rank::DISPLAY }>,
        changes: Vec<Change>,
        how: &How<'_>,
    ) -> Result<()> {
        check(&state, &changes, how)?;
        let mut told = Told::new();
        let done = self.commit(&mut state, changes, how, &mut told);
        drop(state);
        tell(told);
        done
    }

    /// Makes changes that were [checked](check). The events to be told of outside the lock; some even if it fails.
    ///
    /// # Errors
    /// `EBUSY`: it is not to wait, and must; `ENOMEM`: the client reads too few of its events; `EIO`.
    pub fn commit(
        &self,
        state: &mut State,
        changes: Vec<Change>,
        how: &How<'_>,
        told: &mut Told,
    ) -> Result<()> {
        for change in &changes {
            let output = state.outputs.get_mut(change.at).ok_or(Errno::EINVAL)?;
            if how.nonblock && output.flip.is_some() {
                return Err(Errno::EBUSY);
            }
        }
        let mut notices = Vec::new();
        for change in &changes {
            let wish = how.wish.as_ref().filter(|_| change.touched.crtc);
            let notice = match wish {
                None => Ok(None),
                Some(wish) => wish.queue.promise().map(|()| {
                    Some(Notice {
                        client: wish.client,
                        queue: wish.queue.clone(),
                        user_data: wish.user_data,
                    })
                }),
            };
            match notice {
                Ok(notice) => notices.push(notice),
                Err(error) => {
                    notices.iter().flatten().for_each(Notice::forgo);
                    return Err(error);
                }
            }
        }
        let mut done = Ok(());
        for (change, notice) in changes.into_iter().zip(notices) {
            let mut fences = how.fences.iter();
            let wanted = fences.find(|(at, _)| *at == change.at);
            let wanted = wanted.map(|(_, fence)| fence.clone());
            let one = self.change(state, change, how.nonblock, (notice, wanted), told);
            done = done.and(one);
        }
        done
    }

    fn change(
        &self,
        state: &mut State,
        change: Change,
        nonblock: bool,
        (notice, wanted): (Option<Notice>, Option<Arc<Fence>>),
        told: &mut Told,
    ) -> Result<()> {
        let output = state.outputs.get_mut(change.at).ok_or(Errno::EINVAL)?;
        told.extend(self.end_flip(output));
        let modeset = change.new.needs_modeset(&output.now);
        let mut old = core::mem::replace(&mut output.now, change.new);
        let mut fence = None;
        let mut done = Ok(());
        if change.touched.primary || modeset {
            let ops = show(output, &old);
            if !ops.is_empty() {
                // Before it can answer.
                if nonblock {
                    self.engine.expect(true);
                }
                match self.engine.submit(&ops) {
                    Ok(sent) => fence = Some(sent),
                    Err(error) => done = Err(error),
                }
            }
        }
        if change.touched.cursor || modeset {
            done = done.and(cursor::follow(self, output, &old));
        }
        let mut flip = Flip {
            fence: fence.unwrap_or(0),
            until: Instant::after(PATIENCE),
            notice,
            wanted,
            before: old.primary.fb.take(),
        };
        match fence {
            Some(_) if nonblock => {
                self.look_at(flip.until);
                output.flip = Some(flip);
            }
            Some(fence) => {
                done = done.and(self.engine.wait(fence));
                told.push(flip.end(output.crtc));
            }
            None => {
                drop(flip.before.take());
                told.push(flip.end(output.crtc));
            }
        }
        for blob in [old.mode_blob, old.primary.damage] {
            state.release_blob(blob);
        }
        state.release_framebuffer(old.cursor.fb.as_ref());
        done
    }

    /// Changes one display without being asked whether it can be.
    pub(super) fn set(
        &self,
        state: &mut State,
        at: usize,
        new: Setting,
        told: &mut Told,
    ) -> Result<()> {
        let touched = Touched {
            crtc: true,
            primary: true,
            cursor: false,
        };
        let change = Change { at, new, touched };
        self.commit(state, [change].into(), &How::default(), told)
    }

    /// Ends a flip on its way before something else is shown; the event to be told of outside the lock.
    fn end_flip(&self, output: &mut Output) -> Option<Ended> {
        let flip = output.flip.take()?;
        // Nobody hears of a device that does not answer.
        let _ = self.engine.wait(flip.fence);
        Some(flip.end(output.crtc))
    }

    /// Ends the flips that are done; when to look for the others at the latest.
    pub(super) fn end_flips(&self) -> Option<Instant> {
        let mut told = Told::new();
        let mut before = Vec::new();
        let mut next: Option<Instant> = None;
        let mut state = self.state();
        let now = Instant::now();
        for output in &mut state.outputs {
            let Some(flip) = &output.flip else {
                continue;
            };
            if now < flip.until && !self.engine.finished(flip.fence) {
                next = Some(next.map_or(flip.until, |next| next.min(flip.until)));
                continue;
            }
            if let Some(mut flip) = output.flip.take() {
                before.push(flip.before.take());
                told.push(flip.end(output.crtc));
            }
        }
        if next.is_none() {
            self.engine.expect(false);
        }
        drop(state);
        tell(told);
        drop(before);
        next
    }

    /// Turns off what shows a framebuffer of these.
    pub(super) fn stop_showing(
        &self,
        state: &mut State,
        gone: impl Fn(&Framebuffer) -> bool,
        told: &mut Told,
    ) {
        for at in 0..state.outputs.len() {
            let Some(output) = state.outputs.get(at) else {
                continue;
            };
            let mut new = output.now.clone();
            if new.cursor.fb.as_deref().is_some_and(&gone) {
                new.cursor.clear();
                let touched = Touched {
                    cursor: true,
                    ..Touched::default()
                };
                let new = new.clone();
                let change = Change { at, new, touched };
                // Nobody hears of a device that does not answer.
                let _ = self.commit(state, [change].into(), &How::default(), told);
            }
            if new.primary.fb.as_deref().is_some_and(&gone) {
                new.turn_off();
                let _ = self.set(state, at, new, told);
            }
        }
    }

    /// What a client made goes with it.
    pub(super) fn client_gone(&self, id: u64) {
        let mut told = Told::new();
        let mut state = self.state();
        for output in &mut state.outputs {
            if let Some(flip) = &mut output.flip
                && flip
                    .notice
                    .as_ref()
                    .is_some_and(|notice| notice.client == id)
            {
                flip.notice = None;
            }
        }
        self.stop_showing(&mut state, |fb| fb.owner == id, &mut told);
        let (gone, kept) = core::mem::take(&mut state.framebuffers)
            .into_iter()
            .partition(|(_, fb)| fb.owner == id);
        state.framebuffers = kept;
        drop::<sync::SortedMap<u32, Arc<Framebuffer>>>(gone);
        state.disown_blobs(id);
        self.leave(id);
        self.restore_console(&mut state, &mut told);
        drop(state);
        // A flip of another client's may have ended, and who has a descriptor of one need not be a client.
        for ended in &mut told {
            ended.event.take_if(|(notice, _)| notice.client == id);
        }
        tell(told);
    }
}

/// Tells who flipped that it is done.
pub(super) fn tell(told: Told) {
    for Ended { event, fence } in told {
        if let Some(fence) = fence {
            fence.signal();
        }
        if let Some((notice, event)) = event {
            notice.queue.push(event);
            notice.queue.tell();
        }
    }
}
