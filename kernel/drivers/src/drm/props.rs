//! Properties of a card's objects (drm-kms(7), "KMS Properties"), under the numbers virtio-gpu's have on Linux.

use abi::drm::mode::{
    DRM_MODE_DPMS_OFF, DRM_MODE_DPMS_ON, DRM_MODE_OBJECT_CRTC, DRM_MODE_OBJECT_FB,
    DRM_MODE_PROP_ATOMIC, DRM_MODE_PROP_BLOB, DRM_MODE_PROP_ENUM, DRM_MODE_PROP_IMMUTABLE,
    DRM_MODE_PROP_OBJECT, DRM_MODE_PROP_RANGE, DRM_MODE_PROP_SIGNED_RANGE, DrmModeInfo,
};
use abi::{Errno, Result};
use alloc::vec::Vec;
use zerocopy::FromBytes;

use super::rect::Rect;
use super::setting::{Plane, Setting};
use super::state::{Output, State};

/// A property.
pub struct Prop {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// `DRM_MODE_PROP_*`.
    pub flags: u32,
    /// Bounds of a range, the values of an enumeration, or the kind of an object.
    pub values: &'static [u64],
    /// Names of the values of an enumeration.
    pub names: &'static [&'static str],
}

const EDID: u32 = 1;
/// Whether a connector's display is fed.
pub const DPMS: u32 = 2;
const TILE: u32 = 4;
const LINK_STATUS: u32 = 5;
const NON_DESKTOP: u32 = 6;
const TYPE: u32 = 8;
const SRC_X: u32 = 9;
const SRC_Y: u32 = 10;
const SRC_W: u32 = 11;
const SRC_H: u32 = 12;
const CRTC_X: u32 = 13;
const CRTC_Y: u32 = 14;
const CRTC_W: u32 = 15;
const CRTC_H: u32 = 16;
const FB_ID: u32 = 17;
/// A fence that the plane's picture waits for.
pub const IN_FENCE_FD: u32 = 18;
/// Where the descriptor of the flip's end goes.
pub const OUT_FENCE_PTR: u32 = 19;
const CRTC_ID: u32 = 20;
const FB_DAMAGE_CLIPS: u32 = 21;
const ACTIVE: u32 = 22;
const MODE_ID: u32 = 23;
const VRR_ENABLED: u32 = 24;
const HOTSPOT_X: u32 = 34;
const HOTSPOT_Y: u32 = 35;

/// Numbers of a display's objects: picture and cursor, the pipe, the connector, the encoder.
#[must_use]
pub const fn numbers(index: u32) -> [u32; 5] {
    // The cursor's properties have numbers in between.
    if index == 0 {
        return [32, 33, 36, 37, 38];
    }
    let first = 39 + (index - 1) * 5;
    [first, first + 1, first + 2, first + 3, first + 4]
}

/// A plane's kind.
const PLANE_PRIMARY: u64 = 1;
/// A plane's kind.
const PLANE_CURSOR: u64 = 2;

const FIXED: u32 = DRM_MODE_PROP_IMMUTABLE;
const ATOMIC: u32 = DRM_MODE_PROP_ATOMIC;
const RANGE: u32 = DRM_MODE_PROP_RANGE;
const SIGNED: u32 = DRM_MODE_PROP_SIGNED_RANGE;
const INT: &[u64] = &[i32::MIN as i64 as u64, i32::MAX as u64];
const SWITCH: &[u64] = &[0, 1];

const fn prop(id: u32, name: &'static str, flags: u32, values: &'static [u64]) -> Prop {
    Prop {
        id,
        name,
        flags,
        values,
        names: &[],
    }
}

/// All there are.
static ALL: [Prop; 24] = [
    prop(EDID, "EDID", FIXED | DRM_MODE_PROP_BLOB, &[]),
    Prop {
        names: &["On", "Standby", "Suspend", "Off"],
        ..prop(
            DPMS,
            "DPMS",
            DRM_MODE_PROP_ENUM,
            &[DRM_MODE_DPMS_ON, 1, 2, DRM_MODE_DPMS_OFF],
        )
    },
    prop(TILE, "TILE", FIXED | DRM_MODE_PROP_BLOB, &[]),
    Prop {
        names: &["Good", "Bad"],
        ..prop(LINK_STATUS, "link-status", DRM_MODE_PROP_ENUM, SWITCH)
    },
    prop(NON_DESKTOP, "non-desktop", FIXED | RANGE, SWITCH),
    Prop {
        names: &["Overlay", "Primary", "Cursor"],
        ..prop(
            TYPE,
            "type",
            FIXED | DRM_MODE_PROP_ENUM,
            &[0, PLANE_PRIMARY, PLANE_CURSOR],
        )
    },
    prop(SRC_X, "SRC_X", ATOMIC | RANGE, &[0, u32::MAX as u64]),
    prop(SRC_Y, "SRC_Y", ATOMIC | RANGE, &[0, u32::MAX as u64]),
    prop(SRC_W, "SRC_W", ATOMIC | RANGE, &[0, u32::MAX as u64]),
    prop(SRC_H, "SRC_H", ATOMIC | RANGE, &[0, u32::MAX as u64]),
    prop(CRTC_X, "CRTC_X", ATOMIC | SIGNED, INT),
    prop(CRTC_Y, "CRTC_Y", ATOMIC | SIGNED, INT),
    prop(CRTC_W, "CRTC_W", ATOMIC | RANGE, &[0, i32::MAX as u64]),
    prop(CRTC_H, "CRTC_H", ATOMIC | RANGE, &[0, i32::MAX as u64]),
    prop(
        FB_ID,
        "FB_ID",
        ATOMIC | DRM_MODE_PROP_OBJECT,
        &[DRM_MODE_OBJECT_FB as u64],
    ),
    prop(
        IN_FENCE_FD,
        "IN_FENCE_FD",
        ATOMIC | SIGNED,
        &[u64::MAX, i32::MAX as u64],
    ),
    prop(
        OUT_FENCE_PTR,
        "OUT_FENCE_PTR",
        ATOMIC | RANGE,
        &[0, u64::MAX],
    ),
    prop(
        CRTC_ID,
        "CRTC_ID",
        ATOMIC | DRM_MODE_PROP_OBJECT,
        &[DRM_MODE_OBJECT_CRTC as u64],
    ),
    prop(
        FB_DAMAGE_CLIPS,
        "FB_DAMAGE_CLIPS",
        ATOMIC | DRM_MODE_PROP_BLOB,
        &[],
    ),
    prop(ACTIVE, "ACTIVE", ATOMIC | RANGE, SWITCH),
    prop(MODE_ID, "MODE_ID", ATOMIC | DRM_MODE_PROP_BLOB, &[]),
    prop(VRR_ENABLED, "VRR_ENABLED", RANGE, SWITCH),
    prop(HOTSPOT_X, "HOTSPOT_X", SIGNED, INT),
    prop(HOTSPOT_Y, "HOTSPOT_Y", SIGNED, INT),
];

/// A property by number.
#[must_use]
pub fn get(id: u32) -> Option<&'static Prop> {
    ALL.iter().find(|prop| prop.id == id)
}

/// What has properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "names of drm-kms")]
pub enum Object {
    Connector,
    Crtc,
    Primary,
    Cursor,
}

impl Object {
    /// Numbers of its properties, in the order they are told.
    #[must_use]
    pub fn props(self) -> &'static [u32] {
        match self {
            Self::Connector => &[DPMS, LINK_STATUS, NON_DESKTOP, TILE, CRTC_ID, EDID],
            Self::Crtc => &[ACTIVE, MODE_ID, OUT_FENCE_PTR, VRR_ENABLED],
            Self::Primary => &[
                TYPE,
                FB_ID,
                IN_FENCE_FD,
                CRTC_ID,
                CRTC_X,
                CRTC_Y,
                CRTC_W,
                CRTC_H,
                SRC_X,
                SRC_Y,
                SRC_W,
                SRC_H,
                FB_DAMAGE_CLIPS,
            ],
            Self::Cursor => &[
                TYPE,
                FB_ID,
                IN_FENCE_FD,
                CRTC_ID,
                CRTC_X,
                CRTC_Y,
                CRTC_W,
                CRTC_H,
                SRC_X,
                SRC_Y,
                SRC_W,
                SRC_H,
                HOTSPOT_X,
                HOTSPOT_Y,
            ],
        }
    }

    /// Numbers and values of its properties; those of atomic mode setting only for who knows it.
    #[must_use]
    pub fn values(self, output: &Output, atomic: bool) -> Vec<(u32, u64)> {
        let known = |id: &&u32| atomic || get(**id).is_some_and(|its| its.flags & ATOMIC == 0);
        let ids = self.props().iter().filter(known);
        ids.map(|id| (*id, self.value(output, *id))).collect()
    }

    fn value(self, output: &Output, id: u32) -> u64 {
        let now = &output.now;
        let pipe = |attached: bool| if attached { output.crtc.into() } else { 0 };
        match (self, id) {
            (Self::Connector, DPMS) if now.active => DRM_MODE_DPMS_ON,
            (Self::Connector, DPMS) => DRM_MODE_DPMS_OFF,
            (Self::Connector, CRTC_ID) => pipe(now.attached),
            (Self::Connector, EDID) => output.edid_blob.into(),
            (Self::Crtc, ACTIVE) => now.active.into(),
            (Self::Crtc, MODE_ID) => now.mode_blob.into(),
            (Self::Crtc, VRR_ENABLED) => now.variable_refresh.into(),
            (Self::Primary, TYPE) => PLANE_PRIMARY,
            (Self::Cursor, TYPE) => PLANE_CURSOR,
            (Self::Primary, CRTC_ID) => pipe(now.primary.attached),
            (Self::Cursor, CRTC_ID) => pipe(now.cursor.attached),
            (Self::Primary, _) => plane_value(&now.primary, id),
            (Self::Cursor, _) => plane_value(&now.cursor, id),
            _ => 0,
        }
    }

    /// Sets a property in a setting that is to become the display's. The property is one of the object's.
    ///
    /// # Errors
    /// `EINVAL`: it cannot have this value.
    pub fn set(
        self,
        new: &mut Setting,
        state: &State,
        output: &Output,
        id: u32,
        value: u64,
    ) -> Result<()> {
        if !get(id).is_some_and(|prop| accepts(prop, state, value)) {
            return Err(Errno::EINVAL);
        }
        let own_pipe = || match value {
            0 => Ok(false),
            // Each display has a pipe of its own.
            pipe if pipe == u64::from(output.crtc) => Ok(true),
            _ => Err(Errno::EINVAL),
        };
        match (self, id) {
            (Self::Connector, CRTC_ID) => new.attached = own_pipe()?,
            // A link that is good stays so whatever a program says.
            (Self::Connector, LINK_STATUS) => {}
            (Self::Crtc, ACTIVE) => new.active = value != 0,
            (Self::Crtc, MODE_ID) => {
                new.mode = blob(state, value).map(mode_of).transpose()?;
                new.mode_blob = value as u32;
            }
            // Fences are the commit's, not the setting's.
            (Self::Crtc, OUT_FENCE_PTR) if value == 0 => {}
            (Self::Crtc, VRR_ENABLED) => new.variable_refresh = value != 0,
            (Self::Primary, CRTC_ID) => new.primary.attached = own_pipe()?,
            (Self::Cursor, CRTC_ID) => new.cursor.attached = own_pipe()?,
            (Self::Primary, _) => set_plane(&mut new.primary, state, id, value)?,
            (Self::Cursor, _) => set_plane(&mut new.cursor, state, id, value)?,
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }
}

fn plane_value(plane: &Plane, id: u32) -> u64 {
    let signed = |value: i32| i64::from(value).cast_unsigned();
    let [x, y, width, height] = plane.source.map(u64::from);
    match id {
        FB_ID => plane.fb.as_ref().map_or(0, |fb| fb.id.into()),
        IN_FENCE_FD => u64::MAX,
        CRTC_X => signed(plane.place.0),
        CRTC_Y => signed(plane.place.1),
        CRTC_W => plane.size.0.into(),
        CRTC_H => plane.size.1.into(),
        SRC_X => x,
        SRC_Y => y,
        SRC_W => width,
        SRC_H => height,
        FB_DAMAGE_CLIPS => plane.damage.into(),
        HOTSPOT_X => signed(plane.hot.0),
        HOTSPOT_Y => signed(plane.hot.1),
        _ => 0,
    }
}

/// Sets a property of a plane; the value is within the property's bounds.
fn set_plane(plane: &mut Plane, state: &State, id: u32, value: u64) -> Result<()> {
    let (small, signed) = (value as u32, value as i32);
    let [x, y, width, height] = &mut plane.source;
    match id {
        FB_ID => plane.fb = state.framebuffers.get(&small).cloned(),
        IN_FENCE_FD if value == u64::MAX => {}
        CRTC_X => plane.place.0 = signed,
        CRTC_Y => plane.place.1 = signed,
        CRTC_W => plane.size.0 = small,
        CRTC_H => plane.size.1 = small,
        SRC_X => *x = small,
        SRC_Y => *y = small,
        SRC_W => *width = small,
        SRC_H => *height = small,
        FB_DAMAGE_CLIPS => {
            plane.clips = blob(state, value).map_or(Ok(Vec::new()), clips_of)?;
            plane.damage = small;
        }
        HOTSPOT_X => plane.hot.0 = signed,
        HOTSPOT_Y => plane.hot.1 = signed,
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

fn blob(state: &State, id: u64) -> Option<&[u8]> {
    let id = u32::try_from(id).ok()?;
    state.blobs.get(&id).map(|blob| &*blob.bytes)
}

fn mode_of(bytes: &[u8]) -> Result<DrmModeInfo> {
    let mode = DrmModeInfo::read_from_bytes(bytes).map_err(|_| Errno::EINVAL)?;
    super::modes::check(&mode)?;
    Ok(mode)
}

/// Rectangles as `struct drm_mode_rect`; one that cannot be within a framebuffer comes out empty.
fn clips_of(bytes: &[u8]) -> Result<Vec<Rect>> {
    let sides = <[[i32; 4]]>::ref_from_bytes(bytes).map_err(|_| Errno::EINVAL)?;
    let rect = |sides: &[i32; 4]| {
        let [x1, y1, x2, y2] = sides.map(|side| u32::try_from(side).ok());
        match (x1, y1, x2, y2) {
            (Some(x1), Some(y1), Some(x2), Some(y2)) => Rect::new(x1, y1, x2, y2),
            _ => Rect::default(),
        }
    };
    Ok(sides.iter().map(rect).collect())
}

/// Whether a property can have a value at all.
fn accepts(prop: &Prop, state: &State, value: u64) -> bool {
    let id = u32::try_from(value).ok();
    if prop.flags & FIXED != 0 {
        return false;
    }
    match (prop.flags & !ATOMIC, prop.values) {
        (RANGE, [least, most]) => (*least..=*most).contains(&value),
        (SIGNED, [least, most]) => {
            let [value, least, most] = [value, *least, *most].map(u64::cast_signed);
            (least..=most).contains(&value)
        }
        (DRM_MODE_PROP_ENUM, values) => values.contains(&value),
        (DRM_MODE_PROP_BLOB, _) => value == 0 || blob(state, value).is_some(),
        (DRM_MODE_PROP_OBJECT, _) if value == 0 => true,
        (DRM_MODE_PROP_OBJECT, _) if prop.id == FB_ID => {
            id.is_some_and(|id| state.framebuffers.contains_key(&id))
        }
        (DRM_MODE_PROP_OBJECT, _) => id.is_some_and(|id| state.crtc(id).is_ok()),
        _ => false,
    }
}
