//! Many properties at once, or none: `DRM_IOCTL_MODE_ATOMIC`; and the ways to set one.

use abi::drm::mode::{
    DRM_MODE_ATOMIC_ALLOW_MODESET, DRM_MODE_ATOMIC_FLAGS, DRM_MODE_ATOMIC_NONBLOCK,
    DRM_MODE_ATOMIC_TEST_ONLY, DRM_MODE_DPMS_ON, DRM_MODE_OBJECT_ANY, DRM_MODE_OBJECT_CONNECTOR,
    DRM_MODE_OBJECT_CRTC, DRM_MODE_OBJECT_PLANE, DRM_MODE_PAGE_FLIP_ASYNC,
    DRM_MODE_PAGE_FLIP_EVENT, DrmModeAtomic,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use hal::{UserAddr, UserPtr};
use vfs::{Caller, OpenFile};

use super::commit::{self, Change, How, Wish};
use super::fence::{Fence, SyncFile};
use super::file::DrmFile;
use super::props::{self, Object};
use super::setting::Touched;
use super::state::State;

/// More than these are not taken at once: who names every property of every display there can be needs fewer.
const MOST: usize = 1024;

/// An object, and a property of it with its value.
struct Step {
    object: u32,
    set: Option<(u32, u64)>,
}

/// Reads what is to be set. Where reading fails the steps before it count: the error they may have comes first.
fn read(arg: &DrmModeAtomic, steps: &mut Vec<Step>) -> Result<()> {
    let at = |address: u64, index: usize| {
        UserPtr::<u32>::new(UserAddr(address as usize))
            .add(index)
            .read()
    };
    let mut done = 0;
    for index in 0..arg.count_objs as usize {
        let object = at(arg.objs_ptr, index)?;
        steps.push(Step { object, set: None });
        for _ in 0..at(arg.count_props_ptr, index)? {
            let prop = at(arg.props_ptr, done)?;
            let values = UserPtr::<u64>::new(UserAddr(arg.prop_values_ptr as usize));
            let value = values.add(done).read()?;
            done += 1;
            if steps.len() >= MOST {
                return Err(Errno::ENOMEM);
            }
            let set = Some((prop, value));
            steps.push(Step { object, set });
        }
        if steps.len() >= MOST {
            return Err(Errno::ENOMEM);
        }
    }
    Ok(())
}

/// The object of a number and kind, and its display's place.
pub(super) fn find(state: &State, id: u32, kind: u32) -> Option<(usize, Object)> {
    let is = |wanted: u32| kind == wanted || kind == DRM_MODE_OBJECT_ANY;
    for (at, output) in state.outputs.iter().enumerate() {
        let object = match id {
            _ if id == output.connector && is(DRM_MODE_OBJECT_CONNECTOR) => Object::Connector,
            _ if id == output.crtc && is(DRM_MODE_OBJECT_CRTC) => Object::Crtc,
            _ if id == output.primary && is(DRM_MODE_OBJECT_PLANE) => Object::Primary,
            _ if id == output.cursor && is(DRM_MODE_OBJECT_PLANE) => Object::Cursor,
            _ => continue,
        };
        return Some((at, object));
    }
    None
}

/// The change of a display among others; the present setting where there was none.
fn change<'a>(changes: &'a mut Vec<Change>, state: &State, at: usize) -> Result<&'a mut Change> {
    if !changes.iter().any(|change| change.at == at) {
        let new = state.outputs.get(at).ok_or(Errno::EINVAL)?.now.clone();
        let touched = Touched::default();
        changes.push(Change { at, new, touched });
    }
    let found = changes.iter_mut().find(|change| change.at == at);
    found.ok_or(Errno::EINVAL)
}

/// Takes one property into the changes.
fn take(
    changes: &mut Vec<Change>,
    state: &State,
    (at, object): (usize, Object),
    (prop, value): (u32, u64),
) -> Result<()> {
    let output = state.outputs.get(at).ok_or(Errno::EINVAL)?;
    let Change { new, touched, .. } = change(changes, state, at)?;
    let before = match object {
        Object::Crtc => true,
        Object::Connector => new.attached,
        Object::Primary => {
            // Each change has damage of its own.
            if !touched.primary {
                new.primary.damage = 0;
                new.primary.clips.clear();
            }
            touched.primary = true;
            new.primary.attached
        }
        Object::Cursor => {
            touched.cursor = true;
            new.cursor.attached
        }
    };
    object.set(new, state, output, prop, value)?;
    touched.crtc |= before
        || match object {
            Object::Crtc | Object::Connector => new.attached,
            Object::Primary => new.primary.attached,
            Object::Cursor => new.cursor.attached,
        };
    Ok(())
}

/// `DRM_IOCTL_MODE_ATOMIC`
pub(super) fn atomic(file: &DrmFile, arg: &DrmModeAtomic, caller: &dyn Caller) -> Result<()> {
    let wants = |flag: u32| arg.flags & flag != 0;
    if !file.atomic.load(Ordering::Relaxed)
        || wants(!DRM_MODE_ATOMIC_FLAGS)
        || arg.reserved != 0
        // Not had: the capability says so.
        || wants(DRM_MODE_PAGE_FLIP_ASYNC)
        || wants(DRM_MODE_ATOMIC_TEST_ONLY) && wants(DRM_MODE_PAGE_FLIP_EVENT)
    {
        return Err(Errno::EINVAL);
    }
    let mut steps = Vec::new();
    let whole = read(arg, &mut steps);
    let fences = fences(file, &mut steps, caller)?;
    if wants(DRM_MODE_ATOMIC_TEST_ONLY) {
        let state = file.card.state();
        let changes = changes(&state, &steps)?;
        whole?;
        let how = How {
            may_set_mode: wants(DRM_MODE_ATOMIC_ALLOW_MODESET),
            ..How::default()
        };
        return commit::check(&state, &changes, &how);
    }
    let driver = file.card.engine.driver().0;
    let made: Vec<(usize, Arc<Fence>)> = fences
        .out
        .iter()
        .map(|out| (out.at, Fence::new(driver, out.crtc, out.at)))
        .collect();
    let open = |(out, (_, fence)): (&Out, &(usize, Arc<Fence>))| {
        (SyncFile::open(fence.clone(), caller), out.user)
    };
    let files: Vec<(Arc<OpenFile>, UserPtr<i32>)> =
        fences.out.iter().zip(&made).map(open).collect();
    for one in &fences.before {
        let one = one.ops_as::<SyncFile>().ok_or(Errno::EINVAL)?;
        one.wait()?;
    }
    let wish = wants(DRM_MODE_PAGE_FLIP_EVENT).then_some(Wish {
        client: file.id,
        queue: &file.events,
        user_data: arg.user_data,
    });
    let wants_event = wish.is_some();
    let how = How {
        may_set_mode: wants(DRM_MODE_ATOMIC_ALLOW_MODESET),
        nonblock: wants(DRM_MODE_ATOMIC_NONBLOCK),
        wish,
        fences: &made,
    };
    with_descriptors(caller, &files, &mut || {
        let state = file.card.state();
        let changes = changes(&state, &steps)?;
        whole?;
        if wants_event && !changes.iter().any(|change| change.touched.crtc) {
            return Err(Errno::EINVAL);
        }
        file.card.make(state, changes, &how)
    })
}

/// A descriptor of a flip's end that a program wants.
struct Out {
    at: usize,
    crtc: u32,
    user: UserPtr<i32>,
}

/// What a commit has to do with fences.
#[derive(Default)]
struct Fences {
    out: Vec<Out>,
    /// Those it waits for.
    before: Vec<Arc<OpenFile>>,
}

/// Takes what is said of fences out of the steps, up to one that makes no sense. Who wants a descriptor is told of none
/// for now.
///
/// # Errors
/// `EINVAL`: a descriptor is not of a fence, or a second one of a plane; `EFAULT`.
fn fences(file: &DrmFile, steps: &mut [Step], caller: &dyn Caller) -> Result<Fences> {
    let mut fences = Fences::default();
    let mut before: Vec<(u32, i32)> = Vec::new();
    let state = file.card.state();
    for Step { object, set } in steps {
        let Some((at, kind)) = find(&state, *object, DRM_MODE_OBJECT_ANY) else {
            break;
        };
        let Some((prop, value)) = set else { continue };
        if !kind.props().contains(prop) {
            break;
        }
        match (*prop, i32::try_from(value.cast_signed())) {
            (props::OUT_FENCE_PTR, _) if *value != 0 => {
                let user = UserPtr::new(UserAddr(*value as usize));
                fences.out.retain(|out| out.at != at);
                let crtc = *object;
                fences.out.push(Out { at, crtc, user });
                *value = 0;
            }
            (props::IN_FENCE_FD, Ok(fd @ 0..)) => {
                before.push((*object, fd));
                *value = u64::MAX;
            }
            _ => {}
        }
    }
    drop(state);
    for out in &fences.out {
        out.user.write(&-1)?;
    }
    for (at, (plane, fd)) in before.iter().enumerate() {
        let open = caller.file(*fd).map_err(|_| Errno::EINVAL)?;
        let is_second = before.iter().take(at).any(|(other, _)| other == plane);
        if is_second || open.ops_as::<SyncFile>().is_none() {
            return Err(Errno::EINVAL);
        }
        fences.before.push(open);
    }
    Ok(fences)
}

/// The changes that steps make of the present settings.
fn changes(state: &State, steps: &[Step]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for Step { object, set } in steps {
        let found = find(state, *object, DRM_MODE_OBJECT_ANY).ok_or(Errno::ENOENT)?;
        if let Some(set) = set {
            if !found.1.props().contains(&set.0) {
                return Err(Errno::ENOENT);
            }
            take(&mut changes, state, found, *set)?;
        }
    }
    Ok(changes)
}

/// Runs `run` with descriptors kept for files, whose numbers the program is told before; they become the files' if it
/// succeeds.
fn with_descriptors(
    caller: &dyn Caller,
    files: &[(Arc<OpenFile>, UserPtr<i32>)],
    run: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let Some(((open, user), rest)) = files.split_first() else {
        return run();
    };
    let done = caller.install_after(open.clone(), true, &mut |fd| {
        user.write(&fd)?;
        with_descriptors(caller, rest, run)
    });
    if done.is_err() {
        // It was written to before.
        let _ = user.write(&-1);
    }
    done
}

/// Sets one property of an object: `DRM_IOCTL_MODE_OBJ_SETPROPERTY`, `DRM_IOCTL_MODE_SETPROPERTY`.
pub(super) fn set_property(
    file: &DrmFile,
    (id, kind): (u32, u32),
    prop: u32,
    value: u64,
) -> Result<()> {
    let state = file.card.state();
    let Some((at, object)) = find(&state, id, kind) else {
        return Err(super::query::without_properties(&state, id, kind));
    };
    if !object.props().contains(&prop) {
        return Err(Errno::EINVAL);
    }
    let mut changes = Vec::new();
    if (object, prop) == (Object::Connector, props::DPMS) {
        let Change { new, touched, .. } = change(&mut changes, &state, at)?;
        touched.crtc = true;
        // All but on are off.
        new.active = value == DRM_MODE_DPMS_ON && new.mode.is_some();
    } else {
        take(&mut changes, &state, (at, object), (prop, value))?;
    }
    let how = How {
        may_set_mode: true,
        ..How::default()
    };
    file.card.make(state, changes, &how)
}
