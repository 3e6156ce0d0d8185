//! What there is: resources, connectors, modes, properties, blobs, planes.

use abi::drm::fourcc;
use abi::drm::mode::{
    DRM_MODE_CONNECTED, DRM_MODE_CONNECTOR_VIRTUAL, DRM_MODE_DISCONNECTED,
    DRM_MODE_ENCODER_VIRTUAL, DRM_MODE_OBJECT_ANY, DRM_MODE_OBJECT_ENCODER, DRM_MODE_OBJECT_FB,
    DRM_MODE_PROP_BLOB, DRM_MODE_PROP_ENUM, DRM_MODE_SUBPIXEL_UNKNOWN, DrmModeCardRes,
    DrmModeCreateBlob, DrmModeCrtc, DrmModeFbCmd, DrmModeFbCmd2, DrmModeGetBlob,
    DrmModeGetConnector, DrmModeGetEncoder, DrmModeGetPlane, DrmModeGetPlaneRes,
    DrmModeGetProperty, DrmModeObjGetProperties, DrmModePropertyEnum,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use hal::{UserAddr, UserPtr, UserSlice};
use zerocopy::{Immutable, IntoBytes};

use super::atomic::find;
use super::file::DrmFile;
use super::framebuffer::SIDES;
use super::props::{self, Object};
use super::setting::ONE;
use super::state::{Blob, Framebuffer, State};

/// Largest blob a program may make.
const BLOB_MOST: u32 = 64 * 1024;

/// Writes as many of `items` as there is room for.
fn give<T: IntoBytes + Immutable>(to: u64, room: u32, items: &[T]) -> Result<u32> {
    let to = UserPtr::<T>::new(UserAddr(to as usize));
    for (at, item) in items.iter().enumerate().take(room as usize) {
        to.add(at).write(item)?;
    }
    Ok(items.len() as u32)
}

/// Writes all of `items`, or none where there is less room.
fn give_all<T: IntoBytes + Immutable>(to: u64, room: u32, items: &[T]) -> Result<u32> {
    if room as usize >= items.len() {
        give(to, room, items)
    } else {
        Ok(items.len() as u32)
    }
}

/// `DRM_IOCTL_MODE_GETRESOURCES`
pub(super) fn resources(file: &DrmFile, arg: &mut DrmModeCardRes) -> Result<()> {
    let state = file.card.state();
    let is_own = |fb: &&Arc<_>| is_owned(fb, file.id);
    let own = state.framebuffers.values().filter(is_own);
    let framebuffers: Vec<u32> = own.map(|fb| fb.id).collect();
    let ids: Vec<[u32; 3]> = state
        .outputs
        .iter()
        .map(|output| [output.crtc, output.connector, output.encoder])
        .collect();
    drop(state);
    let crtcs: Vec<u32> = ids.iter().map(|[crtc, ..]| *crtc).collect();
    let connectors: Vec<u32> = ids.iter().map(|[_, connector, _]| *connector).collect();
    let encoders: Vec<u32> = ids.iter().map(|[.., encoder]| *encoder).collect();
    (arg.min_width, arg.max_width) = SIDES;
    (arg.min_height, arg.max_height) = SIDES;
    arg.count_fbs = give(arg.fb_id_ptr, arg.count_fbs, &framebuffers)?;
    arg.count_crtcs = give(arg.crtc_id_ptr, arg.count_crtcs, &crtcs)?;
    arg.count_encoders = give(arg.encoder_id_ptr, arg.count_encoders, &encoders)?;
    arg.count_connectors = give(arg.connector_id_ptr, arg.count_connectors, &connectors)?;
    Ok(())
}

/// `DRM_IOCTL_MODE_GETCRTC`
pub(super) fn crtc(file: &DrmFile, arg: &mut DrmModeCrtc) -> Result<()> {
    let state = file.card.state();
    let now = &state.crtc(arg.crtc_id)?.now;
    arg.gamma_size = 0;
    arg.fb_id = now.primary.fb.as_ref().map_or(0, |fb| fb.id);
    let [x, y, ..] = now.primary.source;
    (arg.x, arg.y) = (x / ONE, y / ONE);
    arg.mode_valid = u32::from(now.mode.is_some());
    if let Some(mode) = now.mode {
        arg.mode = mode;
    }
    Ok(())
}

/// `DRM_IOCTL_MODE_GETENCODER`
pub(super) fn encoder(file: &DrmFile, arg: &mut DrmModeGetEncoder) -> Result<()> {
    let state = file.card.state();
    let output = state
        .outputs
        .iter()
        .find(|output| output.encoder == arg.encoder_id)
        .ok_or(Errno::ENOENT)?;
    arg.encoder_type = DRM_MODE_ENCODER_VIRTUAL;
    arg.crtc_id = if output.now.attached { output.crtc } else { 0 };
    arg.possible_crtcs = 1 << output.index;
    arg.possible_clones = 1 << output.index;
    Ok(())
}

/// `DRM_IOCTL_MODE_GETCONNECTOR`
pub(super) fn connector(file: &DrmFile, arg: &mut DrmModeGetConnector) -> Result<()> {
    // Asked without room for modes, Linux looks at the display anew.
    if arg.count_modes == 0 && file.card.is_master(file.id) {
        file.card.look_again();
    }
    let state = file.card.state();
    let output = state.connector(arg.connector_id)?;
    let modes = output.modes.clone();
    let encoders = [output.encoder];
    arg.encoder_id = if output.now.attached {
        output.encoder
    } else {
        0
    };
    arg.connector_type = DRM_MODE_CONNECTOR_VIRTUAL;
    arg.connector_type_id = output.index + 1;
    arg.connection = if output.display.size.is_some() {
        DRM_MODE_CONNECTED
    } else {
        DRM_MODE_DISCONNECTED
    };
    (arg.mm_width, arg.mm_height) = output.millimetres;
    arg.subpixel = DRM_MODE_SUBPIXEL_UNKNOWN;
    let props = Object::Connector.values(output, file.atomic.load(Ordering::Relaxed));
    drop(state);
    arg.count_modes = give_all(arg.modes_ptr, arg.count_modes, &modes)?;
    arg.count_encoders = give_all(arg.encoders_ptr, arg.count_encoders, &encoders)?;
    let (ids, values) = split(&props);
    let room = arg.count_props;
    arg.count_props = give(arg.props_ptr, room, &ids)?;
    give(arg.prop_values_ptr, room, &values)?;
    Ok(())
}

fn split(props: &[(u32, u64)]) -> (Vec<u32>, Vec<u64>) {
    props.iter().copied().unzip()
}

/// Whether a framebuffer is a client's to name.
fn is_owned(fb: &Framebuffer, client: u64) -> bool {
    fb.owner == client && !fb.internal
}

/// What is wrong with asking an object of this number and kind for properties, when it has none.
pub(super) fn without_properties(state: &State, id: u32, kind: u32) -> Errno {
    let is = |wanted: u32| kind == wanted || kind == DRM_MODE_OBJECT_ANY;
    let is_there = state.framebuffers.contains_key(&id) && is(DRM_MODE_OBJECT_FB)
        || is(DRM_MODE_OBJECT_ENCODER) && state.outputs.iter().any(|output| output.encoder == id);
    if is_there {
        Errno::EINVAL
    } else {
        Errno::ENOENT
    }
}

/// `DRM_IOCTL_MODE_OBJ_GETPROPERTIES`
pub(super) fn object_properties(file: &DrmFile, arg: &mut DrmModeObjGetProperties) -> Result<()> {
    let state = file.card.state();
    let found = find(&state, arg.obj_id, arg.obj_type);
    let Some((at, object)) = found else {
        return Err(without_properties(&state, arg.obj_id, arg.obj_type));
    };
    let output = state.outputs.get(at).ok_or(Errno::ENOENT)?;
    let props = object.values(output, file.atomic.load(Ordering::Relaxed));
    drop(state);
    let (ids, values) = split(&props);
    let room = arg.count_props;
    arg.count_props = give(arg.props_ptr, room, &ids)?;
    give(arg.prop_values_ptr, room, &values)?;
    Ok(())
}

/// `DRM_IOCTL_MODE_GETPROPERTY`
pub(super) fn property(arg: &mut DrmModeGetProperty) -> Result<()> {
    let prop = props::get(arg.prop_id).ok_or(Errno::ENOENT)?;
    arg.flags = prop.flags;
    arg.name = padded(prop.name);
    let enums: Vec<DrmModePropertyEnum> = prop
        .values
        .iter()
        .zip(prop.names)
        .map(|(value, name)| DrmModePropertyEnum {
            value: *value,
            name: padded(name),
        })
        .collect();
    arg.count_values = give(arg.values_ptr, arg.count_values, prop.values)?;
    if arg.flags & DRM_MODE_PROP_ENUM != 0 {
        arg.count_enum_blobs = give(arg.enum_blob_ptr, arg.count_enum_blobs, &enums)?;
    }
    if arg.flags & DRM_MODE_PROP_BLOB != 0 {
        arg.count_enum_blobs = 0;
    }
    Ok(())
}

fn padded(name: &str) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    out
}

/// `DRM_IOCTL_MODE_GETPROPBLOB`
pub(super) fn blob(file: &DrmFile, arg: &mut DrmModeGetBlob) -> Result<()> {
    let state = file.card.state();
    let found = state.blobs.get(&arg.blob_id).ok_or(Errno::ENOENT)?;
    let bytes = found.bytes.clone();
    drop(state);
    // Only into room of exactly its size.
    if arg.length as usize == bytes.len() {
        UserSlice::new(UserAddr(arg.data as usize), bytes.len()).write(&bytes)?;
    }
    arg.length = bytes.len() as u32;
    Ok(())
}

/// `DRM_IOCTL_MODE_CREATEPROPBLOB`
pub(super) fn create_blob(file: &DrmFile, arg: &mut DrmModeCreateBlob) -> Result<()> {
    if arg.length == 0 || arg.length > BLOB_MOST {
        return Err(Errno::EINVAL);
    }
    let bytes = UserSlice::new(UserAddr(arg.data as usize), arg.length as usize).read_vec()?;
    let mut state = file.card.state();
    state.room_for(bytes.len())?;
    let id = state.free_id();
    let blob = Blob {
        owner: Some(file.id),
        bytes: Arc::from(bytes),
    };
    state.blobs.insert(id, blob);
    arg.blob_id = id;
    Ok(())
}

/// `DRM_IOCTL_MODE_DESTROYPROPBLOB`
pub(super) fn destroy_blob(file: &DrmFile, id: u32) -> Result<()> {
    let mut state = file.card.state();
    match state.blobs.get_mut(&id) {
        None => Err(Errno::ENOENT),
        Some(blob) if blob.owner != Some(file.id) => Err(Errno::EPERM),
        Some(blob) => {
            // What shows it keeps it.
            blob.owner = None;
            state.release_blob(id);
            Ok(())
        }
    }
}

/// `DRM_IOCTL_MODE_GETPLANERESOURCES`: who does not know planes of all kinds sees overlays, which there are none of; who
/// knows atomic mode setting must know of hot spots to see cursors.
pub(super) fn planes(file: &DrmFile, arg: &mut DrmModeGetPlaneRes) -> Result<()> {
    let mut ids = Vec::new();
    if file.universal_planes.load(Ordering::Relaxed) {
        let cursors =
            !file.atomic.load(Ordering::Relaxed) || file.hot_spots.load(Ordering::Relaxed);
        for output in &file.card.state().outputs {
            ids.push(output.primary);
            ids.extend(cursors.then_some(output.cursor));
        }
    }
    arg.count_planes = give(arg.plane_id_ptr, arg.count_planes, &ids)?;
    Ok(())
}

/// `DRM_IOCTL_MODE_GETPLANE`
pub(super) fn plane(file: &DrmFile, arg: &mut DrmModeGetPlane) -> Result<()> {
    let state = file.card.state();
    let output = state
        .outputs
        .iter()
        .find(|output| arg.plane_id == output.primary || arg.plane_id == output.cursor)
        .ok_or(Errno::ENOENT)?;
    let is_cursor = arg.plane_id == output.cursor;
    let plane = if is_cursor {
        &output.now.cursor
    } else {
        &output.now.primary
    };
    arg.crtc_id = if plane.attached { output.crtc } else { 0 };
    arg.fb_id = plane.fb.as_ref().map_or(0, |fb| fb.id);
    arg.possible_crtcs = 1 << output.index;
    arg.gamma_size = 0;
    drop(state);
    let formats = [if is_cursor {
        fourcc::ARGB8888
    } else {
        fourcc::XRGB8888
    }];
    arg.count_format_types = give_all(arg.format_type_ptr, arg.count_format_types, &formats)?;
    Ok(())
}

/// `DRM_IOCTL_MODE_GETFB`; masters alone get a handle.
pub(super) fn framebuffer(file: &DrmFile, arg: &mut DrmModeFbCmd) -> Result<()> {
    let fb = file.card.state().framebuffer(arg.fb_id)?;
    arg.width = fb.width;
    arg.height = fb.height;
    arg.pitch = fb.pitch;
    (arg.bpp, arg.depth) = (
        32,
        if fb.format == fourcc::ARGB8888 {
            32
        } else {
            24
        },
    );
    arg.handle = if file.card.is_master(file.id) {
        file.handle_of(&fb.buffer)
    } else {
        0
    };
    Ok(())
}

/// `DRM_IOCTL_MODE_GETFB2`; masters alone get a handle.
pub(super) fn framebuffer2(file: &DrmFile, arg: &mut DrmModeFbCmd2) -> Result<()> {
    let fb = file.card.state().framebuffer(arg.fb_id)?;
    let handle = if file.card.is_master(file.id) {
        file.handle_of(&fb.buffer)
    } else {
        0
    };
    *arg = DrmModeFbCmd2 {
        fb_id: fb.id,
        width: fb.width,
        height: fb.height,
        pixel_format: fb.format,
        handles: [handle, 0, 0, 0],
        pitches: [fb.pitch, 0, 0, 0],
        offsets: [fb.offset, 0, 0, 0],
        ..DrmModeFbCmd2::default()
    };
    Ok(())
}
