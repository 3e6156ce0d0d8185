//! Descriptors of fences (`linux/sync_file.h`).

use super::layouts;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub const SYNC_IOC_MERGE: u32 = 0xc030_3e03;
pub const SYNC_IOC_FILE_INFO: u32 = 0xc038_3e04;
pub const SYNC_IOC_SET_DEADLINE: u32 = 0x4010_3e05;

layouts! {
    /// `struct sync_merge_data`
    SyncMergeData [48] {
        name: [u8; 32],
        fd2: i32,
        fence: i32,
        flags: u32,
        pad: u32,
    }
    /// `struct sync_fence_info`
    SyncFenceInfo [80] {
        obj_name: [u8; 32],
        driver_name: [u8; 32],
        status: i32,
        flags: u32,
        timestamp_ns: u64,
    }
    /// `struct sync_file_info`
    SyncFileInfo [56] {
        name: [u8; 32],
        status: i32,
        flags: u32,
        num_fences: u32,
        pad: u32,
        sync_fence_info: u64,
    }
}
