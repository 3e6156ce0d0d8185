//! Mode setting (`drm_mode.h`).

use super::layouts;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub const DRM_DISPLAY_MODE_LEN: usize = 32;
pub const DRM_PROP_NAME_LEN: usize = 32;

pub const DRM_MODE_TYPE_PREFERRED: u32 = 1 << 3;
pub const DRM_MODE_TYPE_USERDEF: u32 = 1 << 5;
pub const DRM_MODE_TYPE_DRIVER: u32 = 1 << 6;

pub const DRM_MODE_FLAG_PHSYNC: u32 = 1 << 0;
pub const DRM_MODE_FLAG_NHSYNC: u32 = 1 << 1;
pub const DRM_MODE_FLAG_PVSYNC: u32 = 1 << 2;
pub const DRM_MODE_FLAG_NVSYNC: u32 = 1 << 3;
pub const DRM_MODE_FLAG_INTERLACE: u32 = 1 << 4;
pub const DRM_MODE_FLAG_DBLSCAN: u32 = 1 << 5;

pub const DRM_MODE_DPMS_ON: u64 = 0;
pub const DRM_MODE_DPMS_OFF: u64 = 3;

pub const DRM_MODE_ENCODER_VIRTUAL: u32 = 5;
pub const DRM_MODE_CONNECTOR_VIRTUAL: u32 = 15;
pub const DRM_MODE_CONNECTED: u32 = 1;
pub const DRM_MODE_DISCONNECTED: u32 = 2;
pub const DRM_MODE_SUBPIXEL_UNKNOWN: u32 = 0;

pub const DRM_MODE_OBJECT_CRTC: u32 = 0xcccc_cccc;
pub const DRM_MODE_OBJECT_CONNECTOR: u32 = 0xc0c0_c0c0;
pub const DRM_MODE_OBJECT_ENCODER: u32 = 0xe0e0_e0e0;
pub const DRM_MODE_OBJECT_PROPERTY: u32 = 0xb0b0_b0b0;
pub const DRM_MODE_OBJECT_FB: u32 = 0xfbfb_fbfb;
pub const DRM_MODE_OBJECT_BLOB: u32 = 0xbbbb_bbbb;
pub const DRM_MODE_OBJECT_PLANE: u32 = 0xeeee_eeee;
pub const DRM_MODE_OBJECT_ANY: u32 = 0;

pub const DRM_MODE_PROP_RANGE: u32 = 1 << 1;
pub const DRM_MODE_PROP_IMMUTABLE: u32 = 1 << 2;
pub const DRM_MODE_PROP_ENUM: u32 = 1 << 3;
pub const DRM_MODE_PROP_BLOB: u32 = 1 << 4;
pub const DRM_MODE_PROP_OBJECT: u32 = 1 << 6;
pub const DRM_MODE_PROP_SIGNED_RANGE: u32 = 2 << 6;
pub const DRM_MODE_PROP_ATOMIC: u32 = 0x8000_0000;

pub const DRM_MODE_PAGE_FLIP_EVENT: u32 = 0x01;
pub const DRM_MODE_PAGE_FLIP_ASYNC: u32 = 0x02;
pub const DRM_MODE_PAGE_FLIP_TARGET_ABSOLUTE: u32 = 0x4;
pub const DRM_MODE_PAGE_FLIP_TARGET_RELATIVE: u32 = 0x8;
pub const DRM_MODE_PAGE_FLIP_FLAGS: u32 = 0xf;

pub const DRM_MODE_ATOMIC_TEST_ONLY: u32 = 0x0100;
pub const DRM_MODE_ATOMIC_NONBLOCK: u32 = 0x0200;
pub const DRM_MODE_ATOMIC_ALLOW_MODESET: u32 = 0x0400;
/// Flags of an atomic change.
pub const DRM_MODE_ATOMIC_FLAGS: u32 = 0x0703;

pub const DRM_MODE_CURSOR_BO: u32 = 0x01;
pub const DRM_MODE_CURSOR_MOVE: u32 = 0x02;
pub const DRM_MODE_CURSOR_FLAGS: u32 = 0x03;

pub const DRM_MODE_FB_INTERLACED: u32 = 1 << 0;
pub const DRM_MODE_FB_MODIFIERS: u32 = 1 << 1;

pub const DRM_MODE_FB_DIRTY_ANNOTATE_COPY: u32 = 0x01;
pub const DRM_MODE_FB_DIRTY_ANNOTATE_FILL: u32 = 0x02;
pub const DRM_MODE_FB_DIRTY_MAX_CLIPS: u32 = 256;

layouts! {
    /// `struct drm_mode_modeinfo`
    DrmModeInfo [68] {
        clock: u32,
        hdisplay: u16,
        hsync_start: u16,
        hsync_end: u16,
        htotal: u16,
        hskew: u16,
        vdisplay: u16,
        vsync_start: u16,
        vsync_end: u16,
        vtotal: u16,
        vscan: u16,
        vrefresh: u32,
        flags: u32,
        kind: u32,
        name: [u8; DRM_DISPLAY_MODE_LEN],
    }
    /// `struct drm_mode_card_res`
    DrmModeCardRes [64] {
        fb_id_ptr: u64,
        crtc_id_ptr: u64,
        connector_id_ptr: u64,
        encoder_id_ptr: u64,
        count_fbs: u32,
        count_crtcs: u32,
        count_connectors: u32,
        count_encoders: u32,
        min_width: u32,
        max_width: u32,
        min_height: u32,
        max_height: u32,
    }
    /// `struct drm_mode_crtc`
    DrmModeCrtc [104] {
        set_connectors_ptr: u64,
        count_connectors: u32,
        crtc_id: u32,
        fb_id: u32,
        x: u32,
        y: u32,
        gamma_size: u32,
        mode_valid: u32,
        mode: DrmModeInfo,
    }
    /// `struct drm_mode_get_encoder`
    DrmModeGetEncoder [20] {
        encoder_id: u32,
        encoder_type: u32,
        crtc_id: u32,
        possible_crtcs: u32,
        possible_clones: u32,
    }
    /// `struct drm_mode_get_connector`
    DrmModeGetConnector [80] {
        encoders_ptr: u64,
        modes_ptr: u64,
        props_ptr: u64,
        prop_values_ptr: u64,
        count_modes: u32,
        count_props: u32,
        count_encoders: u32,
        encoder_id: u32,
        connector_id: u32,
        connector_type: u32,
        connector_type_id: u32,
        connection: u32,
        mm_width: u32,
        mm_height: u32,
        subpixel: u32,
        pad: u32,
    }
    /// `struct drm_mode_property_enum`
    DrmModePropertyEnum [40] {
        value: u64,
        name: [u8; DRM_PROP_NAME_LEN],
    }
    /// `struct drm_mode_get_property`
    DrmModeGetProperty [64] {
        values_ptr: u64,
        enum_blob_ptr: u64,
        prop_id: u32,
        flags: u32,
        name: [u8; DRM_PROP_NAME_LEN],
        count_values: u32,
        count_enum_blobs: u32,
    }
    /// `struct drm_mode_connector_set_property`
    DrmModeConnectorSetProperty [16] {
        value: u64,
        prop_id: u32,
        connector_id: u32,
    }
    /// `struct drm_mode_obj_get_properties`
    DrmModeObjGetProperties [32] {
        props_ptr: u64,
        prop_values_ptr: u64,
        count_props: u32,
        obj_id: u32,
        obj_type: u32,
        pad: u32,
    }
    /// `struct drm_mode_obj_set_property`
    DrmModeObjSetProperty [24] {
        value: u64,
        prop_id: u32,
        obj_id: u32,
        obj_type: u32,
        pad: u32,
    }
    /// `struct drm_mode_atomic`
    DrmModeAtomic [56] {
        flags: u32,
        count_objs: u32,
        objs_ptr: u64,
        count_props_ptr: u64,
        props_ptr: u64,
        prop_values_ptr: u64,
        reserved: u64,
        user_data: u64,
    }
    /// `struct drm_mode_get_blob`
    DrmModeGetBlob [16] {
        blob_id: u32,
        length: u32,
        data: u64,
    }
    /// `struct drm_mode_create_blob`
    DrmModeCreateBlob [16] {
        data: u64,
        length: u32,
        blob_id: u32,
    }
    /// `struct drm_mode_destroy_blob`
    DrmModeDestroyBlob [4] {
        blob_id: u32,
    }
    /// `struct drm_mode_fb_cmd`
    DrmModeFbCmd [28] {
        fb_id: u32,
        width: u32,
        height: u32,
        pitch: u32,
        bpp: u32,
        depth: u32,
        handle: u32,
    }
    /// `struct drm_mode_fb_cmd2`
    DrmModeFbCmd2 [104] {
        fb_id: u32,
        width: u32,
        height: u32,
        pixel_format: u32,
        flags: u32,
        handles: [u32; 4],
        pitches: [u32; 4],
        offsets: [u32; 4],
        pad: u32,
        modifier: [u64; 4],
    }
    /// `struct drm_mode_closefb`
    DrmModeCloseFb [8] {
        fb_id: u32,
        pad: u32,
    }
    /// `struct drm_mode_fb_dirty_cmd`
    DrmModeFbDirtyCmd [24] {
        fb_id: u32,
        flags: u32,
        color: u32,
        num_clips: u32,
        clips_ptr: u64,
    }
    /// `struct drm_clip_rect`
    DrmClipRect [8] {
        x1: u16,
        y1: u16,
        x2: u16,
        y2: u16,
    }
    /// `struct drm_mode_cursor`, whose fields `struct drm_mode_cursor2` begins with
    DrmModeCursor2 [36] {
        flags: u32,
        crtc_id: u32,
        x: i32,
        y: i32,
        width: u32,
        height: u32,
        handle: u32,
        hot_x: i32,
        hot_y: i32,
    }
    /// `struct drm_mode_crtc_lut`
    DrmModeCrtcLut [32] {
        crtc_id: u32,
        gamma_size: u32,
        red: u64,
        green: u64,
        blue: u64,
    }
    /// `struct drm_mode_crtc_page_flip`
    DrmModeCrtcPageFlip [24] {
        crtc_id: u32,
        fb_id: u32,
        flags: u32,
        reserved: u32,
        user_data: u64,
    }
    /// `struct drm_mode_create_dumb`
    DrmModeCreateDumb [32] {
        height: u32,
        width: u32,
        bpp: u32,
        flags: u32,
        handle: u32,
        pitch: u32,
        size: u64,
    }
    /// `struct drm_mode_map_dumb`
    DrmModeMapDumb [16] {
        handle: u32,
        pad: u32,
        offset: u64,
    }
    /// `struct drm_mode_destroy_dumb`
    DrmModeDestroyDumb [4] {
        handle: u32,
    }
    /// `struct drm_mode_get_plane_res`
    DrmModeGetPlaneRes [16] {
        plane_id_ptr: u64,
        count_planes: u32,
        pad: u32,
    }
    /// `struct drm_mode_get_plane`
    DrmModeGetPlane [32] {
        plane_id: u32,
        crtc_id: u32,
        fb_id: u32,
        possible_crtcs: u32,
        gamma_size: u32,
        count_format_types: u32,
        format_type_ptr: u64,
    }
    /// `struct drm_mode_set_plane`
    DrmModeSetPlane [48] {
        plane_id: u32,
        crtc_id: u32,
        fb_id: u32,
        flags: u32,
        crtc_x: i32,
        crtc_y: i32,
        crtc_w: u32,
        crtc_h: u32,
        src_x: u32,
        src_y: u32,
        src_h: u32,
        src_w: u32,
    }
}
