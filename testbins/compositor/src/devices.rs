//! Input devices: `/dev/input/event*`, through evdev.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use evdev::{AbsoluteAxisCode, Device, EventSummary, RelativeAxisCode, SynchronizationCode};

use crate::events::Input;

/// A range of an axis.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: i32,
    high: i32,
}

impl Range {
    fn fraction(self, value: i32) -> f64 {
        let size = f64::from(self.high) - f64::from(self.low);
        if size <= 0.0 {
            return 0.0;
        }
        ((f64::from(value) - f64::from(self.low)) / size).clamp(0.0, 1.0)
    }
}

/// A finger's slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    id: Option<i32>,
    down: bool,
    x: f64,
    y: f64,
    changed: bool,
}

/// What a device said since the last SYN_REPORT.
#[derive(Debug, Default)]
struct Group {
    at: (Option<f64>, Option<f64>),
    by: (i32, i32),
    wheel: (i32, i32),
    presses: Vec<(u16, bool)>,
    slots: Vec<Slot>,
    slot: usize,
}

/// An open device.
pub struct InputDevice {
    device: Device,
    x: Option<Range>,
    y: Option<Range>,
    touch_x: Option<Range>,
    touch_y: Option<Range>,
    group: Group,
}

/// Codes of buttons, from BTN_MISC up to the first key beyond them.
const BUTTONS: std::ops::Range<u16> = 0x100..0x160;

/// More fingers than this are not followed.
const MOST_SLOTS: usize = 16;

/// Opens every device there is.
pub fn open_all() -> Vec<InputDevice> {
    evdev::enumerate()
        .filter_map(|(_, device)| InputDevice::new(device).ok())
        .collect()
}

impl AsFd for InputDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl InputDevice {
    fn new(device: Device) -> io::Result<Self> {
        device.set_nonblocking(true)?;
        let ranges: Vec<(AbsoluteAxisCode, Range)> = device
            .get_absinfo()
            .map(|all| {
                all.map(|(axis, info)| {
                    let range = Range {
                        low: info.minimum(),
                        high: info.maximum(),
                    };
                    (axis, range)
                })
                .collect()
            })
            .unwrap_or_default();
        let range = |wanted| {
            ranges
                .iter()
                .find(|(axis, _)| *axis == wanted)
                .map(|(_, range)| *range)
        };
        Ok(Self {
            x: range(AbsoluteAxisCode::ABS_X),
            y: range(AbsoluteAxisCode::ABS_Y),
            touch_x: range(AbsoluteAxisCode::ABS_MT_POSITION_X),
            touch_y: range(AbsoluteAxisCode::ABS_MT_POSITION_Y),
            device,
            group: Group::default(),
        })
    }

    /// What it is called.
    pub fn name(&self) -> String {
        self.device.name().unwrap_or("unnamed").to_owned()
    }

    /// Reads what there is to read.
    ///
    /// # Errors
    /// When the device is gone.
    pub fn read(&mut self, out: &mut Vec<Input>) -> io::Result<()> {
        let events: Vec<EventSummary> = match self.device.fetch_events() {
            Ok(events) => events.map(|event| event.destructure()).collect(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        for event in events {
            match event {
                EventSummary::Synchronization(_, SynchronizationCode::SYN_REPORT, _) => {
                    self.group.finish(self.touch_x.is_some(), out);
                }
                // Repetition (2) is the client's business.
                EventSummary::Key(_, key, value @ (0 | 1)) => {
                    self.group.presses.push((key.code(), value == 1));
                }
                EventSummary::RelativeAxis(_, axis, value) => self.group.relative(axis, value),
                EventSummary::AbsoluteAxis(_, axis, value) => self.absolute(axis, value),
                _ => {}
            }
        }
        Ok(())
    }

    fn absolute(&mut self, axis: AbsoluteAxisCode, value: i32) {
        let fraction = |range: Option<Range>| range.map(|range| range.fraction(value));
        match axis {
            AbsoluteAxisCode::ABS_X => self.group.at.0 = fraction(self.x),
            AbsoluteAxisCode::ABS_Y => self.group.at.1 = fraction(self.y),
            AbsoluteAxisCode::ABS_MT_SLOT => {
                self.group.slot = usize::try_from(value).unwrap_or(0);
            }
            AbsoluteAxisCode::ABS_MT_TRACKING_ID => {
                self.group
                    .change_slot(|slot| slot.id = (value >= 0).then_some(value));
            }
            AbsoluteAxisCode::ABS_MT_POSITION_X => {
                let x = fraction(self.touch_x).unwrap_or(0.0);
                self.group.change_slot(|slot| slot.x = x);
            }
            AbsoluteAxisCode::ABS_MT_POSITION_Y => {
                let y = fraction(self.touch_y).unwrap_or(0.0);
                self.group.change_slot(|slot| slot.y = y);
            }
            _ => {}
        }
    }
}

impl Group {
    fn relative(&mut self, axis: RelativeAxisCode, value: i32) {
        let add = |to: &mut i32, value: i32| *to = to.saturating_add(value);
        match axis {
            RelativeAxisCode::REL_X => add(&mut self.by.0, value),
            RelativeAxisCode::REL_Y => add(&mut self.by.1, value),
            RelativeAxisCode::REL_HWHEEL => add(&mut self.wheel.0, value),
            // A wheel that turns away from the user scrolls up, which is less.
            RelativeAxisCode::REL_WHEEL => add(&mut self.wheel.1, value.saturating_neg()),
            _ => {}
        }
    }

    fn change_slot(&mut self, change: impl FnOnce(&mut Slot)) {
        if self.slot < MOST_SLOTS {
            if self.slots.len() <= self.slot {
                self.slots.resize(self.slot + 1, Slot::default());
            }
            if let Some(slot) = self.slots.get_mut(self.slot) {
                change(slot);
                slot.changed = true;
            }
        }
    }

    /// All of it at once: first where, then what.
    fn finish(&mut self, is_touch: bool, out: &mut Vec<Input>) {
        let at = std::mem::take(&mut self.at);
        let by = std::mem::take(&mut self.by);
        let wheel = std::mem::take(&mut self.wheel);
        let presses = std::mem::take(&mut self.presses);
        if is_touch {
            self.finish_touch(out);
            return;
        }
        if at != (None, None) {
            out.push(Input::At(at.0, at.1));
        }
        if by != (0, 0) {
            out.push(Input::By(f64::from(by.0), f64::from(by.1)));
        }
        for (code, down) in presses {
            let is_button = BUTTONS.contains(&code);
            out.push(if is_button {
                Input::Button(u32::from(code), down)
            } else {
                Input::Key(u32::from(code), down)
            });
        }
        if wheel != (0, 0) {
            out.push(Input::Wheel(wheel.0, wheel.1));
        }
    }

    fn finish_touch(&mut self, out: &mut Vec<Input>) {
        let mut any = false;
        for (slot, number) in self.slots.iter_mut().zip(0..) {
            if !std::mem::take(&mut slot.changed) {
                continue;
            }
            any = true;
            match (slot.id.is_some(), slot.down) {
                (true, false) => out.push(Input::TouchDown(number, slot.x, slot.y)),
                (true, true) => out.push(Input::TouchMove(number, slot.x, slot.y)),
                (false, true) => out.push(Input::TouchUp(number)),
                (false, false) => {}
            }
            slot.down = slot.id.is_some();
        }
        if any {
            out.push(Input::TouchFrame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_says_where_before_what() {
        let mut group = Group {
            at: (Some(0.5), None),
            presses: vec![(0x110, true), (30, true)],
            ..Group::default()
        };
        group.relative(RelativeAxisCode::REL_WHEEL, 1);
        let mut out = Vec::new();
        group.finish(false, &mut out);
        let wanted = [
            Input::At(Some(0.5), None),
            Input::Button(0x110, true),
            Input::Key(30, true),
            Input::Wheel(0, -1),
        ];
        assert_eq!(out, wanted);
        out.clear();
        group.finish(false, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn a_finger_comes_moves_and_leaves() {
        let mut group = Group::default();
        let mut out = Vec::new();
        group.change_slot(|slot| {
            slot.id = Some(7);
            (slot.x, slot.y) = (0.25, 0.5);
        });
        group.finish(true, &mut out);
        group.change_slot(|slot| slot.x = 0.75);
        group.finish(true, &mut out);
        group.change_slot(|slot| slot.id = None);
        group.finish(true, &mut out);
        let wanted = [
            Input::TouchDown(0, 0.25, 0.5),
            Input::TouchFrame,
            Input::TouchMove(0, 0.75, 0.5),
            Input::TouchFrame,
            Input::TouchUp(0),
            Input::TouchFrame,
        ];
        assert_eq!(out, wanted);
    }

    #[test]
    fn a_range_is_cut_at_its_ends() {
        let range = Range {
            low: 0,
            high: 32767,
        };
        assert!((range.fraction(32767) - 1.0).abs() < 1e-9);
        assert!(range.fraction(-5).abs() < 1e-9);
        assert!(Range { low: 3, high: 3 }.fraction(3).abs() < 1e-9);
    }
}
