//! Properties of a card's objects (drm-kms(7), "KMS Properties").

use abi::drm::mode::{
    DRM_MODE_DPMS_OFF, DRM_MODE_DPMS_ON, DRM_MODE_PROP_BLOB, DRM_MODE_PROP_ENUM,
    DRM_MODE_PROP_IMMUTABLE, DRM_MODE_PROP_RANGE,
};
use alloc::vec;
use alloc::vec::Vec;

use super::state::Output;

/// A plane's kind.
pub const PLANE_PRIMARY: u64 = 1;
/// A plane's kind.
pub const PLANE_CURSOR: u64 = 2;

/// A property.
pub struct Prop {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// `DRM_MODE_PROP_*`.
    pub flags: u32,
    /// Bounds of a range, or the values of an enumeration.
    pub values: Vec<u64>,
    /// Names of the values of an enumeration.
    pub names: Vec<&'static str>,
}

/// The properties there are.
pub struct Props {
    all: Vec<Prop>,
    edid: u32,
    /// Whether a connector's display is fed.
    pub dpms: u32,
    link_status: u32,
    non_desktop: u32,
    tile: u32,
    plane_type: u32,
}

impl Props {
    /// Gives each a number.
    pub(super) fn new(id: &mut dyn FnMut() -> u32) -> Self {
        let mut all = Vec::new();
        let mut add = |name, flags, values: Vec<u64>, names: Vec<&'static str>| {
            let id = id();
            all.push(Prop {
                id,
                name,
                flags,
                values,
                names,
            });
            id
        };
        let plane_type = add(
            "type",
            DRM_MODE_PROP_IMMUTABLE | DRM_MODE_PROP_ENUM,
            vec![0, PLANE_PRIMARY, PLANE_CURSOR],
            vec!["Overlay", "Primary", "Cursor"],
        );
        let edid = add(
            "EDID",
            DRM_MODE_PROP_IMMUTABLE | DRM_MODE_PROP_BLOB,
            Vec::new(),
            Vec::new(),
        );
        let dpms = add(
            "DPMS",
            DRM_MODE_PROP_ENUM,
            vec![DRM_MODE_DPMS_ON, 1, 2, DRM_MODE_DPMS_OFF],
            vec!["On", "Standby", "Suspend", "Off"],
        );
        let link_status = add(
            "link-status",
            DRM_MODE_PROP_ENUM,
            vec![0, 1],
            vec!["Good", "Bad"],
        );
        let non_desktop = add(
            "non-desktop",
            DRM_MODE_PROP_IMMUTABLE | DRM_MODE_PROP_RANGE,
            vec![0, 1],
            Vec::new(),
        );
        let tile = add(
            "TILE",
            DRM_MODE_PROP_IMMUTABLE | DRM_MODE_PROP_BLOB,
            Vec::new(),
            Vec::new(),
        );
        Self {
            all,
            edid,
            dpms,
            link_status,
            non_desktop,
            tile,
            plane_type,
        }
    }

    /// A property by number.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&Prop> {
        self.all.iter().find(|prop| prop.id == id)
    }

    /// Numbers and values of a connector's.
    #[must_use]
    pub fn of_connector(&self, output: &Output) -> Vec<(u32, u64)> {
        let dpms = if output.on {
            DRM_MODE_DPMS_ON
        } else {
            DRM_MODE_DPMS_OFF
        };
        vec![
            (self.edid, u64::from(output.edid_blob)),
            (self.dpms, dpms),
            (self.link_status, 0),
            (self.non_desktop, 0),
            (self.tile, 0),
        ]
    }

    /// Numbers and values of a plane's.
    #[must_use]
    pub fn of_plane(&self, output: &Output, plane: u32) -> Vec<(u32, u64)> {
        let kind = if plane == output.cursor {
            PLANE_CURSOR
        } else {
            PLANE_PRIMARY
        };
        vec![(self.plane_type, kind)]
    }
}
