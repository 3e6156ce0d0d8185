//! Input devices: `/dev/input/event*` (`linux/input.h`, `linux/input-event-codes.h`).

#![allow(missing_docs, reason = "names of input.h")]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Major number, and the first minor number of event devices.
pub const INPUT_MAJOR: u32 = 13;
pub const EVDEV_MINOR_BASE: u32 = 64;
pub const EVDEV_MINORS: u32 = 32;

pub const EV_VERSION: i32 = 0x01_0001;

pub const EV_SYN: u16 = 0x00;
pub const EV_KEY: u16 = 0x01;
pub const EV_REL: u16 = 0x02;
pub const EV_ABS: u16 = 0x03;
pub const EV_MSC: u16 = 0x04;
pub const EV_SW: u16 = 0x05;
pub const EV_LED: u16 = 0x11;
pub const EV_SND: u16 = 0x12;
pub const EV_REP: u16 = 0x14;
pub const EV_FF: u16 = 0x15;
pub const EV_CNT: usize = 0x20;

pub const SYN_REPORT: u16 = 0;
pub const SYN_MT_REPORT: u16 = 2;
pub const SYN_DROPPED: u16 = 3;

pub const KEY_CNT: usize = 0x300;
pub const REL_CNT: usize = 0x10;
pub const ABS_CNT: usize = 0x40;
pub const MSC_CNT: usize = 0x08;
pub const LED_CNT: usize = 0x10;
pub const SND_CNT: usize = 0x08;
pub const FF_CNT: usize = 0x80;
pub const SW_CNT: usize = 0x11;
pub const INPUT_PROP_CNT: usize = 0x20;

pub const REP_DELAY: u16 = 0;
pub const REP_PERIOD: u16 = 1;

/// Numbers of the commands; many carry a length in the program's word.
pub mod nr {
    pub const GVERSION: u8 = 0x01;
    pub const GID: u8 = 0x02;
    pub const REP: u8 = 0x03;
    pub const KEYCODE: u8 = 0x04;
    pub const GNAME: u8 = 0x06;
    pub const GPHYS: u8 = 0x07;
    pub const GUNIQ: u8 = 0x08;
    pub const GPROP: u8 = 0x09;
    pub const GMTSLOTS: u8 = 0x0a;
    pub const GKEY: u8 = 0x18;
    pub const GLED: u8 = 0x19;
    pub const GSND: u8 = 0x1a;
    pub const GSW: u8 = 0x1b;
    pub const GBIT: u8 = 0x20;
    pub const GABS: u8 = 0x40;
    pub const SFF: u8 = 0x80;
    pub const RMFF: u8 = 0x81;
    pub const GEFFECTS: u8 = 0x84;
    pub const GRAB: u8 = 0x90;
    pub const REVOKE: u8 = 0x91;
    pub const GMASK: u8 = 0x92;
    pub const SMASK: u8 = 0x93;
    pub const SCLOCKID: u8 = 0xa0;
    pub const SABS: u8 = 0xc0;
}

/// The type byte of every command.
pub const EVIOC_BASE: u8 = b'E';

/// `struct input_event`
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct InputEvent {
    pub sec: i64,
    pub usec: i64,
    pub kind: u16,
    pub code: u16,
    pub value: i32,
}
const _: () = assert!(size_of::<InputEvent>() == 24);

/// `struct input_id`
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct InputId {
    pub bustype: u16,
    pub vendor: u16,
    pub product: u16,
    pub version: u16,
}
const _: () = assert!(size_of::<InputId>() == 8);

/// `struct input_absinfo`
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct InputAbsinfo {
    pub value: i32,
    pub minimum: i32,
    pub maximum: i32,
    pub fuzz: i32,
    pub flat: i32,
    pub resolution: i32,
}
const _: () = assert!(size_of::<InputAbsinfo>() == 24);

/// `struct input_mask`
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct InputMask {
    pub kind: u32,
    pub codes_size: u32,
    pub codes_ptr: u64,
}
const _: () = assert!(size_of::<InputMask>() == 16);
