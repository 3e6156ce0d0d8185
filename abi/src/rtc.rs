//! `/dev/rtc0` (`man 4 rtc`).

#![allow(missing_docs, reason = "names of rtc(4)")]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub const RTC_AIE_ON: u32 = 0x7001;
pub const RTC_AIE_OFF: u32 = 0x7002;
pub const RTC_UIE_ON: u32 = 0x7003;
pub const RTC_UIE_OFF: u32 = 0x7004;
pub const RTC_ALM_SET: u32 = 0x4024_7007;
pub const RTC_ALM_READ: u32 = 0x8024_7008;
pub const RTC_RD_TIME: u32 = 0x8024_7009;
pub const RTC_SET_TIME: u32 = 0x4024_700a;
pub const RTC_WKALM_SET: u32 = 0x4028_700f;
pub const RTC_WKALM_RD: u32 = 0x8028_7010;

/// `struct rtc_time`: as `struct tm`, in UTC.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct RtcTime {
    pub sec: i32,
    pub min: i32,
    pub hour: i32,
    pub mday: i32,
    /// 0 to 11.
    pub mon: i32,
    /// Since 1900.
    pub year: i32,
    /// 0 is Sunday.
    pub wday: i32,
    /// 0 is the first of January.
    pub yday: i32,
    pub isdst: i32,
}

const _: () = assert!(size_of::<RtcTime>() == 36);
