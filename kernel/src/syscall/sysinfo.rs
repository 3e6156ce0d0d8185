//! What the system says of itself, its log, its randomness, and its end.

use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy;
use sync::{Capability, Events, IrqLock, rank};
use task::wait::{WaitOptions, wait};
use task::{klog, random, tree};
use zerocopy::{Immutable, IntoBytes};

use super::Cx;
use super::args::Flags;

/// Bytes of a name of `struct utsname`, its NUL included.
const NAME: usize = 65;

/// The names that can be set.
struct Names {
    host: ([u8; NAME], usize),
    domain: ([u8; NAME], usize),
}

const fn name(text: &[u8]) -> ([u8; NAME], usize) {
    let mut out = [0; NAME];
    let mut at = 0;
    while at < text.len() && at < NAME - 1 {
        #[allow(
            clippy::indexing_slicing,
            reason = "const, and in bounds by the condition"
        )]
        {
            out[at] = text[at];
        }
        at += 1;
    }
    (out, at)
}

static NAMES: IrqLock<Names, { rank::LEAF }> = IrqLock::new(Names {
    host: name(b"(none)"),
    domain: name(b"(none)"),
});

/// `uname -r`: the Linux whose behaviour this is.
pub const RELEASE: &str = "6.12.0-nacre";
/// `uname -v`.
pub const VERSION: &str = "#1 SMP PREEMPT";

/// Host and domain name.
pub fn names() -> (alloc::vec::Vec<u8>, alloc::vec::Vec<u8>) {
    let names = NAMES.lock();
    let text = |(bytes, length): &([u8; NAME], usize)| bytes.get(..*length).unwrap_or(&[]).to_vec();
    (text(&names.host), text(&names.domain))
}

/// Sets the host name.
#[cfg(target_os = "none")]
pub fn set_host(text: &[u8]) {
    NAMES.lock().host = name(text);
}

/// Sets the domain name.
#[cfg(target_os = "none")]
pub fn set_domain(text: &[u8]) {
    NAMES.lock().domain = name(text);
}

/// `uname(2)`.
pub fn uname(_: &mut Cx<'_>, buf: UserAddr) -> Result<usize> {
    let (host, domain) = names();
    let all: [&[u8]; 6] = [
        b"Linux",
        &host,
        RELEASE.as_bytes(),
        VERSION.as_bytes(),
        b"aarch64",
        &domain,
    ];
    let mut out = [0u8; NAME * 6];
    for (place, text) in out.chunks_mut(NAME).zip(all) {
        if let Some(place) = place.get_mut(..text.len()) {
            place.copy_from_slice(text);
        }
    }
    ucopy::copy_out(buf, &out).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

fn read_name(cx: &Cx<'_>, at: UserAddr, length: i32) -> Result<([u8; NAME], usize)> {
    if !cx.cred().has(Capability::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let length = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
    let mut out = [0; NAME];
    // A name has room for a NUL.
    let place = out
        .get_mut(..length)
        .filter(|place| place.len() < NAME)
        .ok_or(Errno::EINVAL)?;
    ucopy::copy_in(place, at).map_err(|_| Errno::EFAULT)?;
    Ok((out, length))
}

/// `sethostname(2)`.
pub fn sethostname(cx: &mut Cx<'_>, at: UserAddr, length: i32) -> Result<usize> {
    let name = read_name(cx, at, length)?;
    NAMES.lock().host = name;
    Ok(0)
}

/// `setdomainname(2)`.
pub fn setdomainname(cx: &mut Cx<'_>, at: UserAddr, length: i32) -> Result<usize> {
    let name = read_name(cx, at, length)?;
    NAMES.lock().domain = name;
    Ok(0)
}

/// `struct sysinfo`.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct SysInfo {
    uptime: i64,
    loads: [u64; 3],
    total_ram: u64,
    free_ram: u64,
    shared_ram: u64,
    buffer_ram: u64,
    total_swap: u64,
    free_swap: u64,
    procs: u16,
    pad: [u8; 6],
    total_high: u64,
    free_high: u64,
    mem_unit: u32,
    tail: u32,
}
const _: () = assert!(size_of::<SysInfo>() == 112);

/// `sysinfo(2)`.
pub fn sysinfo(_: &mut Cx<'_>, buf: UserAddr) -> Result<usize> {
    let page = hal::PAGE_SIZE as u64;
    const NS: u64 = 1_000_000_000;
    let info = SysInfo {
        uptime: hal::time::now_ns().div_ceil(NS) as i64,
        loads: crate::user::load_average(),
        total_ram: hal::frame::total() as u64 * page,
        free_ram: hal::frame::free_count() as u64 * page,
        shared_ram: mm::cached_pages() as u64 * page,
        buffer_ram: 0,
        total_swap: 0,
        free_swap: 0,
        procs: tree::lock().thread_count() as u16,
        pad: [0; 6],
        total_high: 0,
        free_high: 0,
        mem_unit: 1,
        tail: 0,
    };
    ucopy::copy_out(buf, info.as_bytes()).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

/// `getrandom(2)`.
pub fn getrandom(cx: &mut Cx<'_>, buf: UserAddr, length: usize, flags: Flags) -> Result<usize> {
    const NONBLOCK: u32 = 1;
    const RANDOM: u32 = 2;
    const INSECURE: u32 = 4;
    let both = RANDOM | INSECURE;
    if flags.0 & !(NONBLOCK | both) != 0 || flags.0 & both == both {
        return Err(Errno::EINVAL);
    }
    if flags.0 & INSECURE == 0 && !random::is_ready() {
        if flags.0 & NONBLOCK != 0 {
            return Err(Errno::EAGAIN);
        }
        let on = [(&random::READY, Events::IN)];
        wait(cx.thread, &WaitOptions::default(), &on, || {
            if random::is_ready() {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        })?;
    }
    /// The most one call gives (`MAX_RW_COUNT`).
    const MOST: usize = 0x7fff_f000;
    let length = length.min(MOST);
    let mut done = 0;
    while done < length {
        let mut piece = [0u8; 256];
        let size = (length - done).min(piece.len());
        let part = piece.get_mut(..size).unwrap_or(&mut []);
        random::fill(part);
        if let Err(copied) = ucopy::copy_out(buf.wrapping_add(done), part) {
            done += copied;
            return if done > 0 {
                Ok(done)
            } else {
                Err(Errno::EFAULT)
            };
        }
        done += size;
        // Linux looks after whole pages: so much always comes whole.
        if done.is_multiple_of(hal::PAGE_SIZE) && cx.thread.is_interrupted() {
            break;
        }
    }
    Ok(done)
}

/// `syslog(2)`.
pub fn syslog(cx: &mut Cx<'_>, action: i32, buf: UserAddr, length: i32) -> Result<usize> {
    const READ_ALL: i32 = 3;
    const SIZE_BUFFER: i32 = 10;
    let cred = cx.cred();
    let privileged = cred.has(Capability::SYSLOG) || cred.has(Capability::SYS_ADMIN);
    let open = !klog::restricted() && matches!(action, READ_ALL | SIZE_BUFFER);
    if !privileged && !open {
        return Err(Errno::EPERM);
    }
    let room = || {
        if buf.is_null() || length < 0 {
            return Err(Errno::EINVAL);
        }
        Ok(length as usize)
    };
    let give = |text: &[u8]| {
        ucopy::copy_out(buf, text).map_err(|_| Errno::EFAULT)?;
        Ok(text.len())
    };
    /// Console level while messages are off and when they are on again.
    const LEVELS: (u8, u8) = (1, 7);
    match action {
        // Close and open do nothing.
        0 | 1 => Ok(0),
        2 => {
            let room = room()?;
            if room == 0 {
                return Ok(0);
            }
            let on = [(&klog::NEWS, Events::IN)];
            let text = wait(cx.thread, &WaitOptions::default(), &on, || {
                let text = klog::take(room);
                if text.is_empty() {
                    Err(Errno::EAGAIN)
                } else {
                    Ok(text)
                }
            })?;
            give(&text)
        }
        READ_ALL | 4 => {
            let room = room()?;
            let done = give(&klog::tail(room))?;
            if action == 4 {
                klog::clear();
            }
            Ok(done)
        }
        5 => {
            klog::clear();
            Ok(0)
        }
        6 => {
            klog::set_console_level(LEVELS.0);
            Ok(0)
        }
        7 => {
            klog::set_console_level(LEVELS.1);
            Ok(0)
        }
        8 => match length {
            1..=8 => {
                klog::set_console_level(length as u8);
                Ok(0)
            }
            _ => Err(Errno::EINVAL),
        },
        9 => Ok(klog::unread()),
        SIZE_BUFFER => Ok(klog::capacity()),
        _ => Err(Errno::EINVAL),
    }
}

/// `reboot(2)`.
pub fn reboot(
    cx: &mut Cx<'_>,
    magic: u32,
    magic2: u32,
    command: u32,
    _text: UserAddr,
) -> Result<usize> {
    const MAGIC: u32 = 0xfee1_dead;
    const MAGIC2: [u32; 4] = [672_274_793, 85_072_278, 369_367_448, 537_993_216];
    if !cx.cred().has(Capability::SYS_BOOT) {
        return Err(Errno::EPERM);
    }
    if magic != MAGIC || !MAGIC2.contains(&magic2) {
        return Err(Errno::EINVAL);
    }
    match command {
        0x0123_4567 | 0xa1b2_c3d4 => {
            log::warn!("reboot: Restarting system");
            hal::power::reset()
        }
        0x4321_fedc => {
            log::warn!("reboot: Power down");
            hal::power::off()
        }
        0xcdef_0123 => {
            log::warn!("reboot: System halted");
            hal::power::halt()
        }
        // What Ctrl-Alt-Del does, off and on: a key of virtual terminals, which a machine without any never hears.
        0 | 0x89ab_cdef => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}
