//! The PL031 clock chip (ARM DDI 0224): the date at start-up, and `/dev/rtc0` (`man 4 rtc`).
//!
//! It counts seconds since 1970. Its alarm is not used.

mod calendar;

use abi::rtc::{
    RTC_AIE_OFF, RTC_AIE_ON, RTC_ALM_READ, RTC_ALM_SET, RTC_RD_TIME, RTC_SET_TIME, RTC_UIE_OFF,
    RTC_UIE_ON, RTC_WKALM_RD, RTC_WKALM_SET, RtcTime,
};
use abi::stat::makedev;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::device::{DeviceRange, Registers};
use hal::time::{self, NANOS_PER_SEC};
use hal::{UserAddr, UserPtr};
use mm::io::IoDst;
use sync::{Capability, Events, Pollee};
use vfs::{Caller, CharDevice, FileOps, OpenFile, OpenRequest};

use crate::node::{self, Node};

const DATA: usize = 0x00;
const LOAD: usize = 0x08;

/// Major number of the clock; on Linux it is given out at run time.
const MAJOR: u32 = 249;

/// The chip.
struct Chip {
    registers: Registers,
    open: AtomicBool,
    /// Told of nothing: no interrupt is used.
    quiet: Pollee,
}

/// Sets the wall clock from the chip and makes it openable. False when it does not work.
pub fn start(range: DeviceRange) -> bool {
    let Some(registers) = Registers::map(range) else {
        return false;
    };
    let seconds = u64::from(registers.read(DATA));
    time::set_realtime_offset((seconds * NANOS_PER_SEC).saturating_sub(time::now_ns()));
    let chip = Arc::new(Chip {
        registers,
        open: AtomicBool::new(false),
        quiet: Pollee::new(),
    });
    // At start-up nobody else has the number.
    let _ = vfs::register_chrdev(MAJOR, 0, 1, "rtc", Arc::new(Clock { chip }));
    let mut node = Node::new("rtc0", makedev(MAJOR, 0), 0o600, "rtc");
    node.attributes.push(("hctosys", "1\n".into()));
    node::publish(node);
    true
}

/// The clock by its number.
struct Clock {
    chip: Arc<Chip>,
}

impl CharDevice for Clock {
    fn open(&self, _minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        if self.chip.open.swap(true, Ordering::AcqRel) {
            return Err(Errno::EBUSY);
        }
        Ok(Arc::new(ClockFile {
            chip: self.chip.clone(),
        }))
    }
}

/// The one open file of the clock.
struct ClockFile {
    chip: Arc<Chip>,
}

impl FileOps for ClockFile {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        // A count of interrupts, which never come.
        Err(if dst.remaining() < size_of::<u32>() {
            Errno::EINVAL
        } else {
            Errno::EAGAIN
        })
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        Events::empty()
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.chip.quiet)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        let user = UserPtr::<RtcTime>::new(UserAddr(arg));
        match cmd {
            RTC_RD_TIME => user.write(&calendar::date(self.chip.registers.read(DATA)))?,
            RTC_SET_TIME => {
                if !caller.cred().has(Capability::SYS_TIME) {
                    // EACCES it is, not EPERM.
                    return Err(Errno::EACCES);
                }
                let seconds = calendar::moment(&user.read()?)?;
                self.chip.registers.write(LOAD, seconds);
            }
            // As Linux says of a clock without alarm.
            RTC_AIE_ON | RTC_AIE_OFF | RTC_UIE_ON | RTC_UIE_OFF | RTC_ALM_SET | RTC_ALM_READ
            | RTC_WKALM_SET | RTC_WKALM_RD => return Err(Errno::EINVAL),
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }
}

impl Drop for ClockFile {
    fn drop(&mut self) {
        self.chip.open.store(false, Ordering::Release);
    }
}
