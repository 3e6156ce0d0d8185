//! The commands of event devices.

use abi::input::{
    EV_KEY, EV_LED, EV_REP, EV_SND, EV_SW, EV_VERSION, EVIOC_BASE, InputAbsinfo, InputMask,
    REP_DELAY, REP_PERIOD, nr,
};
use abi::{Errno, Result};
use alloc::string::String;
use hal::{UserAddr, UserPtr, UserSlice};
use zerocopy::IntoBytes;

use super::bits::{Bits, codes};
use super::client::{Clock, EventFile};

/// The program's bytes go in.
const IN: u32 = 1 << 30;

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_BOOTTIME: i32 = 7;

/// Copies bytes out as far as there is room; how many went.
fn give(user: UserAddr, room: usize, bytes: &[u8]) -> Result<usize> {
    let len = bytes.len().min(room);
    UserSlice::new(user, len).write(bytes.get(..len).unwrap_or_default())?;
    Ok(len)
}

/// Copies a text out, with its end as far as there is room.
fn text(user: UserAddr, room: usize, text: &str) -> Result<usize> {
    if text.is_empty() {
        return Err(Errno::ENOENT);
    }
    let mut bytes = String::from(text).into_bytes();
    bytes.push(0);
    give(user, room, &bytes)
}

/// Answers a command.
pub(super) fn answer(file: &EventFile, cmd: u32, arg: usize) -> Result<usize> {
    if file.client.is_revoked() {
        return Err(Errno::ENODEV);
    }
    let [number, kind, ..] = cmd.to_le_bytes();
    if kind != EVIOC_BASE {
        return Err(Errno::EINVAL);
    }
    let size = (cmd >> 16 & 0x3fff) as usize;
    let user = UserAddr(arg);
    let device = &file.device;
    let about = &device.description;
    let state = |pick: fn(&super::device::State) -> &Bits| pick(&device.state.lock()).clone();
    match number {
        nr::GVERSION => UserPtr::new(user).write(&EV_VERSION).map(|()| 0),
        nr::GID => UserPtr::new(user).write(&about.id).map(|()| 0),
        nr::REP => repeat(file, cmd & IN != 0, user),
        nr::GNAME => text(user, size, &about.name),
        nr::GPHYS => text(user, size, &about.phys),
        nr::GUNIQ => text(user, size, &about.uniq),
        nr::GPROP => give(user, size, about.props.bytes()),
        nr::GKEY => values(file, EV_KEY, user, size, &state(|state| &state.keys)),
        nr::GLED => values(file, EV_LED, user, size, &state(|state| &state.leds)),
        nr::GSND => values(file, EV_SND, user, size, &state(|state| &state.sounds)),
        nr::GSW => values(file, EV_SW, user, size, &state(|state| &state.switches)),
        nr::GEFFECTS => UserPtr::new(user).write(&0_i32).map(|()| 0),
        nr::GRAB => match arg {
            0 if device.ungrab(file.client.id) => Ok(0),
            0 => Err(Errno::EINVAL),
            _ if device.grab(file.client.id) => Ok(0),
            _ => Err(Errno::EBUSY),
        },
        nr::REVOKE => {
            if arg != 0 {
                return Err(Errno::EINVAL);
            }
            device.ungrab(file.client.id);
            file.client.revoke();
            Ok(0)
        }
        nr::GMASK => get_mask(file, user),
        nr::SMASK => set_mask(file, user),
        nr::SCLOCKID => {
            let clock = match UserPtr::<i32>::new(user).read()? {
                CLOCK_REALTIME => Clock::Realtime,
                // The machine does not sleep: both are the same.
                CLOCK_MONOTONIC | CLOCK_BOOTTIME => Clock::Monotonic,
                _ => return Err(Errno::EINVAL),
            };
            file.client.set_clock(clock);
            Ok(0)
        }
        nr::GBIT..nr::GABS => bits(file, u16::from(number - nr::GBIT), user, size),
        nr::GABS..nr::SFF => {
            if about.axes.is_empty() {
                return Err(Errno::EINVAL);
            }
            let code = u16::from(number - nr::GABS);
            let axis = device.state.lock().axes.get(&code).copied();
            give(user, size, axis.unwrap_or_default().as_bytes()).map(|_| 0)
        }
        nr::SABS.. => set_axis(file, u16::from(number - nr::SABS), user, size),
        // No key map, no slots, no force feedback.
        _ => Err(Errno::EINVAL),
    }
}

/// State a program reads supersedes the events that told of it.
fn values(file: &EventFile, kind: u16, user: UserAddr, room: usize, state: &Bits) -> Result<usize> {
    file.client.forget(kind);
    give(user, room, state.bytes())
}

fn bits(file: &EventFile, kind: u16, user: UserAddr, room: usize) -> Result<usize> {
    let about = &file.device.description;
    if kind == 0 {
        return give(user, room, about.kinds.bytes());
    }
    let none = Bits::new(codes(kind).ok_or(Errno::EINVAL)?);
    give(user, room, about.codes.get(&kind).unwrap_or(&none).bytes())
}

fn repeat(file: &EventFile, set: bool, user: UserAddr) -> Result<usize> {
    if !file.device.repeats() {
        return Err(Errno::ENOSYS);
    }
    let words = UserPtr::<[u32; 2]>::new(user);
    if set {
        let [delay, period] = words.read()?;
        file.device.feed(&[
            (EV_REP, REP_DELAY, delay.cast_signed()),
            (EV_REP, REP_PERIOD, period.cast_signed()),
        ]);
    } else {
        let (delay, period) = file.device.state.lock().repeat;
        words.write(&[delay, period])?;
    }
    Ok(0)
}

fn set_axis(file: &EventFile, code: u16, user: UserAddr, size: usize) -> Result<usize> {
    if file.device.description.axes.is_empty() {
        return Err(Errno::EINVAL);
    }
    let mut axis = InputAbsinfo::default();
    let len = size.min(size_of::<InputAbsinfo>());
    UserSlice::new(user, len).read(axis.as_mut_bytes().get_mut(..len).unwrap_or_default())?;
    if let Some(slot) = file.device.state.lock().axes.get_mut(&code) {
        *slot = axis;
    }
    Ok(0)
}

fn get_mask(file: &EventFile, user: UserAddr) -> Result<usize> {
    let asked = UserPtr::<InputMask>::new(user).read()?;
    let kind = u16::try_from(asked.kind).unwrap_or(u16::MAX);
    let room = asked.codes_size as usize;
    // Of types without codes, nothing is masked.
    let Some(count) = codes(kind) else {
        let zeroes = alloc::vec![0; room.min(64)];
        give(UserAddr(asked.codes_ptr as usize), room, &zeroes)?;
        return Ok(0);
    };
    let mask = file.client.mask(kind).unwrap_or_else(|| {
        let all = alloc::vec![0xff; count.div_ceil(8)];
        Bits::from_bytes(count, &all)
    });
    let to = UserAddr(asked.codes_ptr as usize);
    let done = give(to, room, mask.bytes())?;
    // The rest of the room is cleared.
    let mut at = done;
    while at < room {
        let len = (room - at).min(64);
        let to = UserAddr(to.0.wrapping_add(at));
        UserSlice::new(to, len).write([0; 64].get(..len).unwrap_or_default())?;
        at += len;
    }
    Ok(0)
}

fn set_mask(file: &EventFile, user: UserAddr) -> Result<usize> {
    let asked = UserPtr::<InputMask>::new(user).read()?;
    let kind = u16::try_from(asked.kind).unwrap_or(u16::MAX);
    let Some(count) = codes(kind) else {
        return Ok(0);
    };
    // Whole words, as they are kept.
    if !asked.codes_size.is_multiple_of(8) {
        return Err(Errno::EINVAL);
    }
    let len = (asked.codes_size as usize).min(count.div_ceil(64) * 8);
    let bytes = UserSlice::new(UserAddr(asked.codes_ptr as usize), len).read_vec()?;
    file.client.set_mask(kind, Bits::from_bytes(count, &bytes));
    Ok(0)
}
