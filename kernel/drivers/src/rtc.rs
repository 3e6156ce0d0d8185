//! The PL031 clock chip: the date at start-up (ARM DDI 0224).

use hal::device::{DeviceRange, Registers};
use hal::time::{self, NANOS_PER_SEC};

const DATA: usize = 0x00;

/// Sets the wall clock from the chip, which counts seconds since 1970. False when there is none.
pub fn set_clock(range: DeviceRange) -> bool {
    let Some(registers) = Registers::map(range) else {
        return false;
    };
    let seconds = u64::from(registers.read(DATA));
    time::set_realtime_offset((seconds * NANOS_PER_SEC).saturating_sub(time::now_ns()));
    true
}
