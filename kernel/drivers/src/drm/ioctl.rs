//! The commands of a card: who may give them, and where each is answered.

use abi::drm::mode::{
    DRM_MODE_FB_DIRTY_ANNOTATE_COPY, DRM_MODE_FB_DIRTY_MAX_CLIPS, DRM_MODE_OBJECT_CONNECTOR,
    DrmClipRect, DrmModeAtomic, DrmModeCloseFb, DrmModeConnectorSetProperty, DrmModeCrtc,
    DrmModeCrtcLut, DrmModeCursor2, DrmModeDestroyBlob, DrmModeDestroyDumb, DrmModeFbDirtyCmd,
    DrmModeObjSetProperty,
};
use abi::drm::{
    DRM_CAP_ADDFB2_MODIFIERS, DRM_CAP_ASYNC_PAGE_FLIP, DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP,
    DRM_CAP_CRTC_IN_VBLANK_EVENT, DRM_CAP_CURSOR_HEIGHT, DRM_CAP_CURSOR_WIDTH, DRM_CAP_DUMB_BUFFER,
    DRM_CAP_DUMB_PREFER_SHADOW, DRM_CAP_DUMB_PREFERRED_DEPTH, DRM_CAP_PAGE_FLIP_TARGET,
    DRM_CAP_PRIME, DRM_CAP_SYNCOBJ, DRM_CAP_SYNCOBJ_TIMELINE, DRM_CAP_TIMESTAMP_MONOTONIC,
    DRM_CAP_VBLANK_HIGH_CRTC, DRM_CLIENT_CAP_ASPECT_RATIO, DRM_CLIENT_CAP_ATOMIC,
    DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT, DRM_CLIENT_CAP_STEREO_3D, DRM_CLIENT_CAP_UNIVERSAL_PLANES,
    DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, DRM_IOCTL_BASE, DRM_PRIME_CAP_EXPORT,
    DRM_PRIME_CAP_IMPORT, DrmAuth, DrmCap, DrmClient, DrmGemClose, DrmSetVersion, DrmUnique,
    DrmVersion, nr,
};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use hal::{UserAddr, UserPtr, UserSlice};
use sync::Capability;
use vfs::Caller;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::file::DrmFile;
use super::rect::Rect;
use super::{atomic, cursor, framebuffer, modeset, prime, query};

/// Who may give a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Right {
    Anybody,
    Master,
    Root,
}

/// A command on its way.
struct Call<'a> {
    file: &'a DrmFile,
    cmd: u32,
    user: UserAddr,
    right: Right,
    caller: &'a dyn Caller,
}

impl Call<'_> {
    /// Reads the argument, has it answered and writes it back, as far as the program's structure reaches: older ones
    /// are shorter. What an error left is written too.
    fn with<T>(self, answer: impl FnOnce(&mut T) -> Result<()>) -> Result<usize>
    where
        T: FromBytes + IntoBytes + Immutable,
    {
        let size = (self.cmd >> 16 & 0x3fff) as usize;
        let len = size.min(size_of::<T>());
        let mut arg = T::new_zeroed();
        if self.cmd & IN != 0 {
            let bytes = arg.as_mut_bytes().get_mut(..len).unwrap_or_default();
            UserSlice::new(self.user, len).read(bytes)?;
        }
        let done = self.permitted().and_then(|()| answer(&mut arg));
        if self.cmd & OUT != 0 {
            let bytes = arg.as_bytes().get(..len).unwrap_or_default();
            UserSlice::new(self.user, len).write(bytes)?;
        }
        done.map(|()| 0)
    }

    fn permitted(&self) -> Result<()> {
        let allowed = match self.right {
            Right::Anybody => true,
            Right::Master => self.file.card.is_master(self.file.id),
            Right::Root => self.caller.cred().has(Capability::SYS_ADMIN),
        };
        if allowed { Ok(()) } else { Err(Errno::EACCES) }
    }
}

/// The program's bytes go in; the kernel's come out.
const IN: u32 = 1 << 30;
const OUT: u32 = 1 << 31;

fn right(number: u8) -> Right {
    match number {
        nr::SET_VERSION
        | nr::AUTH_MAGIC
        | nr::MODE_SETCRTC
        | nr::MODE_CURSOR
        | nr::MODE_CURSOR2
        | nr::MODE_SETGAMMA
        | nr::MODE_SETPROPERTY
        | nr::MODE_OBJ_SETPROPERTY
        | nr::MODE_PAGE_FLIP
        | nr::MODE_DIRTYFB
        | nr::MODE_SETPLANE
        | nr::MODE_ATOMIC => Right::Master,
        nr::SET_UNIQUE => Right::Root,
        _ => Right::Anybody,
    }
}

/// Answers a command.
pub(super) fn answer(file: &DrmFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
    let [number, kind, ..] = cmd.to_le_bytes();
    if kind != DRM_IOCTL_BASE {
        return Err(Errno::ENOTTY);
    }
    let call = Call {
        file,
        cmd,
        user: UserAddr(arg),
        right: right(number),
        caller,
    };
    match number {
        nr::VERSION => call.with(|arg| version(file, arg)),
        nr::GET_UNIQUE => call.with(|arg| unique(file, arg)),
        nr::GET_MAGIC => call.with(|arg: &mut DrmAuth| {
            arg.magic = file.card.magic(file.id);
            Ok(())
        }),
        nr::AUTH_MAGIC => call.with(|arg: &mut DrmAuth| file.card.authenticate(arg.magic)),
        nr::GET_CLIENT => call.with(|arg| client(file, arg, caller)),
        nr::SET_VERSION => call.with(|arg| set_version(file, arg)),
        nr::GET_CAP => call.with(capability),
        nr::SET_CLIENT_CAP => call.with(|arg| client_capability(file, arg)),
        nr::SET_MASTER => master(file, caller, true),
        nr::DROP_MASTER => master(file, caller, false),
        nr::GEM_CLOSE => call.with(|arg: &mut DrmGemClose| file.close_handle(arg.handle)),
        nr::PRIME_HANDLE_TO_FD => call.with(|arg| prime::export(file, arg, caller)),
        nr::PRIME_FD_TO_HANDLE => call.with(|arg| prime::import(file, arg, caller)),
        // The device has no vertical blank, and says so.
        nr::WAIT_VBLANK | nr::CRTC_GET_SEQUENCE | nr::CRTC_QUEUE_SEQUENCE => {
            call.with(|_: &mut [u64; 3]| Err(Errno::EOPNOTSUPP))
        }
        nr::MODE_GETRESOURCES => call.with(|arg| query::resources(file, arg)),
        nr::MODE_GETCRTC => call.with(|arg| query::crtc(file, arg)),
        nr::MODE_SETCRTC => call.with(|arg: &mut DrmModeCrtc| {
            let connectors = ids(arg.set_connectors_ptr, arg.count_connectors, file)?;
            modeset::set_crtc(file, arg, &connectors)
        }),
        nr::MODE_CURSOR | nr::MODE_CURSOR2 => {
            call.with(|arg: &mut DrmModeCursor2| cursor::set(file, arg))
        }
        nr::MODE_GETGAMMA => call.with(|arg: &mut DrmModeCrtcLut| {
            file.card.state().crtc(arg.crtc_id)?;
            if arg.gamma_size == 0 {
                Ok(())
            } else {
                Err(Errno::EINVAL)
            }
        }),
        nr::MODE_SETGAMMA => call.with(|arg: &mut DrmModeCrtcLut| {
            file.card.state().crtc(arg.crtc_id)?;
            Err(Errno::ENOSYS)
        }),
        nr::MODE_GETENCODER => call.with(|arg| query::encoder(file, arg)),
        nr::MODE_GETCONNECTOR => call.with(|arg| query::connector(file, arg)),
        nr::MODE_GETPROPERTY => call.with(query::property),
        nr::MODE_SETPROPERTY => call.with(|arg: &mut DrmModeConnectorSetProperty| {
            let connector = (arg.connector_id, DRM_MODE_OBJECT_CONNECTOR);
            atomic::set_property(file, connector, arg.prop_id, arg.value)
        }),
        nr::MODE_OBJ_SETPROPERTY => call.with(|arg: &mut DrmModeObjSetProperty| {
            atomic::set_property(file, (arg.obj_id, arg.obj_type), arg.prop_id, arg.value)
        }),
        nr::MODE_OBJ_GETPROPERTIES => call.with(|arg| query::object_properties(file, arg)),
        nr::MODE_GETPROPBLOB => call.with(|arg| query::blob(file, arg)),
        nr::MODE_CREATEPROPBLOB => call.with(|arg| query::create_blob(file, arg)),
        nr::MODE_DESTROYPROPBLOB => {
            call.with(|arg: &mut DrmModeDestroyBlob| query::destroy_blob(file, arg.blob_id))
        }
        nr::MODE_GETFB => call.with(|arg| query::framebuffer(file, arg)),
        nr::MODE_GETFB2 => call.with(|arg| query::framebuffer2(file, arg)),
        nr::MODE_ADDFB => call.with(|arg| framebuffer::add(file, arg)),
        nr::MODE_ADDFB2 => call.with(|arg| framebuffer::add2(file, arg)),
        nr::MODE_RMFB => call.with(|arg: &mut u32| framebuffer::remove(file, *arg, false)),
        nr::MODE_CLOSEFB => call.with(|arg: &mut DrmModeCloseFb| match arg.pad {
            0 => framebuffer::remove(file, arg.fb_id, true),
            _ => Err(Errno::EINVAL),
        }),
        nr::MODE_PAGE_FLIP => call.with(|arg| modeset::page_flip(file, arg)),
        nr::MODE_DIRTYFB => call.with(|arg| {
            let clips = clips(arg)?;
            modeset::dirty(file, arg.fb_id, &clips)
        }),
        nr::MODE_CREATE_DUMB => call.with(|arg| framebuffer::create_dumb(file, arg)),
        nr::MODE_MAP_DUMB => call.with(|arg| framebuffer::map_dumb(file, arg)),
        nr::MODE_DESTROY_DUMB => {
            call.with(|arg: &mut DrmModeDestroyDumb| file.close_handle(arg.handle))
        }
        nr::GET_STATS | nr::BLOCK | nr::UNBLOCK | nr::FINISH => call.with(|arg: &mut [u64; 2]| {
            *arg = [0; 2];
            Ok(())
        }),
        // The device draws in two dimensions, without contexts.
        nr::VIRTGPU_EXECBUFFER | nr::VIRTGPU_TRANSFER_FROM_HOST | nr::VIRTGPU_GET_CAPS => {
            call.with(|_: &mut u64| Err(Errno::ENOSYS))
        }
        nr::MODE_GETPLANERESOURCES => call.with(|arg| query::planes(file, arg)),
        nr::MODE_GETPLANE => call.with(|arg| query::plane(file, arg)),
        nr::MODE_SETPLANE => call.with(|arg| modeset::set_plane(file, arg)),
        nr::MODE_ATOMIC => call.with(|arg: &mut DrmModeAtomic| atomic::atomic(file, arg, caller)),
        _ => Err(Errno::EINVAL),
    }
}

/// Copies a text out as far as there is room; its whole length.
fn text(to: u64, room: u64, text: &str) -> Result<u64> {
    let len = text.len().min(usize::try_from(room).unwrap_or(usize::MAX));
    let bytes = text.as_bytes().get(..len).unwrap_or_default();
    if to != 0 && len > 0 {
        UserSlice::new(UserAddr(to as usize), len).write(bytes)?;
    }
    Ok(text.len() as u64)
}

fn version(file: &DrmFile, arg: &mut DrmVersion) -> Result<()> {
    let (name, description) = file.card.engine.driver();
    (arg.version_major, arg.version_minor, arg.version_patchlevel) = (0, 1, 0);
    arg.name_len = text(arg.name, arg.name_len, name)?;
    arg.date_len = text(arg.date, arg.date_len, "0")?;
    arg.desc_len = text(arg.desc, arg.desc_len, description)?;
    Ok(())
}

fn unique(file: &DrmFile, arg: &mut DrmUnique) -> Result<()> {
    let name = if file.named.load(Ordering::Relaxed) {
        alloc::format!("virtio{}", file.card.minor)
    } else {
        alloc::string::String::new()
    };
    // All of it or nothing.
    if arg.unique_len >= name.len() as u64 {
        text(arg.unique, arg.unique_len, &name)?;
    }
    arg.unique_len = name.len() as u64;
    Ok(())
}

fn client(file: &DrmFile, arg: &mut DrmClient, caller: &dyn Caller) -> Result<()> {
    // Linux shows the asking client alone, under number 0.
    if arg.idx != 0 {
        return Err(Errno::EINVAL);
    }
    *arg = DrmClient {
        auth: i32::from(file.card.is_authenticated(file.id)),
        pid: caller.pid().into(),
        uid: caller.cred().uid.into(),
        ..DrmClient::default()
    };
    Ok(())
}

fn set_version(file: &DrmFile, arg: &mut DrmSetVersion) -> Result<()> {
    let (major, minor) = (arg.drm_di_major, arg.drm_di_minor);
    let (driver_major, driver_minor) = (arg.drm_dd_major, arg.drm_dd_minor);
    *arg = DrmSetVersion {
        drm_di_major: 1,
        drm_di_minor: 4,
        drm_dd_major: 0,
        drm_dd_minor: 1,
    };
    if major != -1 {
        if major != 1 || !(0..=4).contains(&minor) {
            return Err(Errno::EINVAL);
        }
        file.named.store(true, Ordering::Relaxed);
    }
    if driver_major != -1 && (driver_major != 0 || !(0..=1).contains(&driver_minor)) {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn capability(arg: &mut DrmCap) -> Result<()> {
    arg.value = 0;
    arg.value = match arg.capability {
        DRM_CAP_DUMB_BUFFER
        | DRM_CAP_VBLANK_HIGH_CRTC
        | DRM_CAP_TIMESTAMP_MONOTONIC
        | DRM_CAP_CRTC_IN_VBLANK_EVENT => 1,
        DRM_CAP_DUMB_PREFERRED_DEPTH
        | DRM_CAP_DUMB_PREFER_SHADOW
        | DRM_CAP_ASYNC_PAGE_FLIP
        | DRM_CAP_ADDFB2_MODIFIERS
        | DRM_CAP_PAGE_FLIP_TARGET
        | DRM_CAP_SYNCOBJ
        | DRM_CAP_SYNCOBJ_TIMELINE
        | DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP => 0,
        DRM_CAP_PRIME => DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT,
        DRM_CAP_CURSOR_WIDTH | DRM_CAP_CURSOR_HEIGHT => cursor::SIDE.into(),
        _ => return Err(Errno::EINVAL),
    };
    Ok(())
}

fn client_capability(file: &DrmFile, arg: &mut DrmCap) -> Result<()> {
    let atomic = file.atomic.load(Ordering::Relaxed);
    match (arg.capability, arg.value) {
        (DRM_CLIENT_CAP_UNIVERSAL_PLANES, value @ (0 | 1)) => {
            file.universal_planes.store(value == 1, Ordering::Relaxed);
        }
        (DRM_CLIENT_CAP_ATOMIC, value @ 0..=2) => {
            file.atomic.store(value != 0, Ordering::Relaxed);
            file.universal_planes.store(value != 0, Ordering::Relaxed);
        }
        (DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT, value @ (0 | 1)) if atomic => {
            file.hot_spots.store(value == 1, Ordering::Relaxed);
        }
        // No mode here has what these would let through, nor is there a connector to write to.
        (DRM_CLIENT_CAP_STEREO_3D | DRM_CLIENT_CAP_ASPECT_RATIO, 0 | 1) => {}
        (DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 0 | 1) if atomic => {}
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// `DRM_IOCTL_SET_MASTER` and `DRM_IOCTL_DROP_MASTER`: root, or the process that was master through this file.
fn master(file: &DrmFile, caller: &dyn Caller, set: bool) -> Result<usize> {
    let was = file.was_master.load(Ordering::Relaxed) == caller.pid();
    if !was && !caller.cred().has(Capability::SYS_ADMIN) {
        return Err(Errno::EACCES);
    }
    if set {
        file.card.set_master(file.id)?;
        file.was_master.store(caller.pid(), Ordering::Relaxed);
    } else {
        file.card.drop_master(file.id)?;
    }
    Ok(0)
}

/// Reads the numbers of connectors; no more than there are.
fn ids(from: u64, count: u32, file: &DrmFile) -> Result<Vec<u32>> {
    if count as usize > file.card.state().outputs.len() {
        return Err(Errno::EINVAL);
    }
    let from = UserPtr::<u32>::new(UserAddr(from as usize));
    (0..count as usize).map(|at| from.add(at).read()).collect()
}

/// Reads the rectangles of `DIRTYFB`.
fn clips(arg: &DrmModeFbDirtyCmd) -> Result<Vec<Rect>> {
    if (arg.num_clips == 0) != (arg.clips_ptr == 0) {
        return Err(Errno::EINVAL);
    }
    let copies = arg.flags & DRM_MODE_FB_DIRTY_ANNOTATE_COPY != 0;
    if copies && !arg.num_clips.is_multiple_of(2) || arg.num_clips > DRM_MODE_FB_DIRTY_MAX_CLIPS {
        return Err(Errno::EINVAL);
    }
    let from = UserPtr::<DrmClipRect>::new(UserAddr(arg.clips_ptr as usize));
    let read = |at: u32| {
        let clip = from.add(at as usize).read()?;
        let [x1, y1, x2, y2] = [clip.x1, clip.y1, clip.x2, clip.y2].map(u32::from);
        Ok(Rect::new(x1, y1, x2, y2))
    };
    (0..arg.num_clips).map(read).collect()
}
