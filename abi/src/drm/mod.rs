//! The display interface of `/dev/dri/card*` (`linux/include/uapi/drm/drm.h`).

#![allow(missing_docs, reason = "names of drm.h")]

pub mod fourcc;
pub mod mode;
pub mod sync_file;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The type byte of every command.
pub const DRM_IOCTL_BASE: u8 = b'd';
/// Major number of the devices.
pub const DRM_MAJOR: u32 = 226;
/// Magnitude of commands that are a driver's own.
pub const DRM_COMMAND_BASE: u8 = 0x40;
pub const DRM_COMMAND_END: u8 = 0xa0;

/// Numbers of the commands; the size in a program's word may be another than ours.
pub mod nr {
    pub const VERSION: u8 = 0x00;
    pub const GET_UNIQUE: u8 = 0x01;
    pub const GET_MAGIC: u8 = 0x02;
    pub const GET_CLIENT: u8 = 0x05;
    pub const GET_STATS: u8 = 0x06;
    pub const SET_VERSION: u8 = 0x07;
    pub const GEM_CLOSE: u8 = 0x09;
    pub const GET_CAP: u8 = 0x0c;
    pub const SET_CLIENT_CAP: u8 = 0x0d;
    pub const SET_UNIQUE: u8 = 0x10;
    pub const AUTH_MAGIC: u8 = 0x11;
    pub const BLOCK: u8 = 0x12;
    pub const UNBLOCK: u8 = 0x13;
    pub const SET_MASTER: u8 = 0x1e;
    pub const DROP_MASTER: u8 = 0x1f;
    pub const FINISH: u8 = 0x2c;
    pub const PRIME_HANDLE_TO_FD: u8 = 0x2d;
    pub const PRIME_FD_TO_HANDLE: u8 = 0x2e;
    pub const WAIT_VBLANK: u8 = 0x3a;
    pub const CRTC_GET_SEQUENCE: u8 = 0x3b;
    pub const CRTC_QUEUE_SEQUENCE: u8 = 0x3c;
    pub const VIRTGPU_EXECBUFFER: u8 = 0x42;
    pub const VIRTGPU_TRANSFER_FROM_HOST: u8 = 0x46;
    pub const VIRTGPU_GET_CAPS: u8 = 0x49;
    pub const MODE_GETRESOURCES: u8 = 0xa0;
    pub const MODE_GETCRTC: u8 = 0xa1;
    pub const MODE_SETCRTC: u8 = 0xa2;
    pub const MODE_CURSOR: u8 = 0xa3;
    pub const MODE_GETGAMMA: u8 = 0xa4;
    pub const MODE_SETGAMMA: u8 = 0xa5;
    pub const MODE_GETENCODER: u8 = 0xa6;
    pub const MODE_GETCONNECTOR: u8 = 0xa7;
    pub const MODE_GETPROPERTY: u8 = 0xaa;
    pub const MODE_SETPROPERTY: u8 = 0xab;
    pub const MODE_GETPROPBLOB: u8 = 0xac;
    pub const MODE_GETFB: u8 = 0xad;
    pub const MODE_ADDFB: u8 = 0xae;
    pub const MODE_RMFB: u8 = 0xaf;
    pub const MODE_PAGE_FLIP: u8 = 0xb0;
    pub const MODE_DIRTYFB: u8 = 0xb1;
    pub const MODE_CREATE_DUMB: u8 = 0xb2;
    pub const MODE_MAP_DUMB: u8 = 0xb3;
    pub const MODE_DESTROY_DUMB: u8 = 0xb4;
    pub const MODE_GETPLANERESOURCES: u8 = 0xb5;
    pub const MODE_GETPLANE: u8 = 0xb6;
    pub const MODE_SETPLANE: u8 = 0xb7;
    pub const MODE_ADDFB2: u8 = 0xb8;
    pub const MODE_OBJ_GETPROPERTIES: u8 = 0xb9;
    pub const MODE_OBJ_SETPROPERTY: u8 = 0xba;
    pub const MODE_CURSOR2: u8 = 0xbb;
    pub const MODE_ATOMIC: u8 = 0xbc;
    pub const MODE_CREATEPROPBLOB: u8 = 0xbd;
    pub const MODE_DESTROYPROPBLOB: u8 = 0xbe;
    pub const MODE_GETFB2: u8 = 0xce;
    pub const MODE_CLOSEFB: u8 = 0xd0;
}

pub const DRM_CAP_DUMB_BUFFER: u64 = 0x1;
pub const DRM_CAP_VBLANK_HIGH_CRTC: u64 = 0x2;
pub const DRM_CAP_DUMB_PREFERRED_DEPTH: u64 = 0x3;
pub const DRM_CAP_DUMB_PREFER_SHADOW: u64 = 0x4;
pub const DRM_CAP_PRIME: u64 = 0x5;
pub const DRM_PRIME_CAP_IMPORT: u64 = 0x1;
pub const DRM_PRIME_CAP_EXPORT: u64 = 0x2;
pub const DRM_CAP_TIMESTAMP_MONOTONIC: u64 = 0x6;
pub const DRM_CAP_ASYNC_PAGE_FLIP: u64 = 0x7;
pub const DRM_CAP_CURSOR_WIDTH: u64 = 0x8;
pub const DRM_CAP_CURSOR_HEIGHT: u64 = 0x9;
pub const DRM_CAP_ADDFB2_MODIFIERS: u64 = 0x10;
pub const DRM_CAP_PAGE_FLIP_TARGET: u64 = 0x11;
pub const DRM_CAP_CRTC_IN_VBLANK_EVENT: u64 = 0x12;
pub const DRM_CAP_SYNCOBJ: u64 = 0x13;
pub const DRM_CAP_SYNCOBJ_TIMELINE: u64 = 0x14;
pub const DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP: u64 = 0x15;

pub const DRM_CLIENT_CAP_STEREO_3D: u64 = 1;
pub const DRM_CLIENT_CAP_UNIVERSAL_PLANES: u64 = 2;
pub const DRM_CLIENT_CAP_ATOMIC: u64 = 3;
pub const DRM_CLIENT_CAP_ASPECT_RATIO: u64 = 4;
pub const DRM_CLIENT_CAP_WRITEBACK_CONNECTORS: u64 = 5;
pub const DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT: u64 = 6;

pub const DRM_EVENT_FLIP_COMPLETE: u32 = 0x02;

pub const DRM_CLOEXEC: u32 = 0o2_000_000;
pub const DRM_RDWR: u32 = 2;

/// Commands of a dma-buf descriptor (`linux/dma-buf.h`).
pub const DMA_BUF_IOCTL_SYNC: u32 = 0x4008_6200;
pub const DMA_BUF_SET_NAME_A: u32 = 0x4004_6201;
pub const DMA_BUF_SET_NAME_B: u32 = 0x4008_6201;
pub const DMA_BUF_SYNC_READ: u64 = 1;
pub const DMA_BUF_SYNC_WRITE: u64 = 2;
pub const DMA_BUF_SYNC_END: u64 = 4;

macro_rules! layouts {
    ($($(#[$meta:meta])* $name:ident [$size:literal] { $($(#[$doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[repr(C)]
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
        )]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }
        const _: () = assert!(size_of::<$name>() == $size);
    )*};
}
pub(crate) use layouts;

layouts! {
    /// `struct drm_version`
    DrmVersion [64] {
        version_major: i32,
        version_minor: i32,
        version_patchlevel: i32,
        pad: u32,
        name_len: u64,
        name: u64,
        date_len: u64,
        date: u64,
        desc_len: u64,
        desc: u64,
    }
    /// `struct drm_unique`
    DrmUnique [16] {
        unique_len: u64,
        unique: u64,
    }
    /// `struct drm_auth`
    DrmAuth [4] {
        magic: u32,
    }
    /// `struct drm_client`
    DrmClient [40] {
        idx: i32,
        auth: i32,
        pid: u64,
        uid: u64,
        magic: u64,
        iocs: u64,
    }
    /// `struct drm_set_version`
    DrmSetVersion [16] {
        drm_di_major: i32,
        drm_di_minor: i32,
        drm_dd_major: i32,
        drm_dd_minor: i32,
    }
    /// `struct drm_gem_close`
    DrmGemClose [8] {
        handle: u32,
        pad: u32,
    }
    /// `struct drm_get_cap` and `struct drm_set_client_cap`
    DrmCap [16] {
        capability: u64,
        value: u64,
    }
    /// `struct drm_prime_handle`
    DrmPrimeHandle [12] {
        handle: u32,
        flags: u32,
        fd: i32,
    }
    /// `struct drm_event_vblank`
    DrmEventVblank [32] {
        kind: u32,
        length: u32,
        user_data: u64,
        tv_sec: u32,
        tv_usec: u32,
        sequence: u32,
        crtc_id: u32,
    }
}
