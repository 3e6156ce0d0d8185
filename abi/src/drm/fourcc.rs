//! Pixel formats (`drm_fourcc.h`).

const fn code(name: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*name)
}

pub const XRGB8888: u32 = code(b"XR24");
pub const ARGB8888: u32 = code(b"AR24");
pub const RGB565: u32 = code(b"RG16");
pub const XRGB1555: u32 = code(b"XR15");
pub const RGB888: u32 = code(b"RG24");
pub const XRGB2101010: u32 = code(b"XR30");
/// A modifier: rows one after the other.
pub const MOD_LINEAR: u64 = 0;
/// No modifier is known.
pub const MOD_INVALID: u64 = 0x00ff_ffff_ffff_ffff;
