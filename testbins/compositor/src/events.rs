//! From what the devices say to what clients hear.

use wayland_server::Resource;
use wayland_server::protocol::{wl_keyboard, wl_pointer};

use crate::grab::{Edges, Grab};
use crate::keymap;
use crate::role::Role;
use crate::seat::frame;
use crate::state::{Key, State};

/// The left mouse button, as Linux numbers it.
pub const BUTTON_LEFT: u32 = 0x110;
/// The right one.
pub const BUTTON_RIGHT: u32 = 0x111;

/// What a device said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// The pointer is here, as fractions of the screen; `None` leaves a direction as it was.
    At(Option<f64>, Option<f64>),
    /// The pointer went so far.
    By(f64, f64),
    /// A button went down or up.
    Button(u32, bool),
    /// The wheel turned so many clicks: across, down.
    Wheel(i32, i32),
    /// A key went down or up.
    Key(u32, bool),
    /// A finger came down, as fractions of the screen.
    TouchDown(i32, f64, f64),
    /// It moved.
    TouchMove(i32, f64, f64),
    /// It left.
    TouchUp(i32),
    /// The end of what happened at once to fingers.
    TouchFrame,
}

impl State {
    /// Does what a device said.
    pub fn input(&mut self, input: Input) {
        let (w, h) = (f64::from(self.screen.w), f64::from(self.screen.h));
        match input {
            Input::At(x, y) => {
                let (x, y) = (
                    x.map_or(self.seat.x, |x| x * w),
                    y.map_or(self.seat.y, |y| y * h),
                );
                self.move_pointer(x, y);
            }
            Input::By(x, y) => self.move_pointer(self.seat.x + x, self.seat.y + y),
            Input::Button(button, down) => self.button(button, down),
            Input::Wheel(x, y) => self.wheel(x, y),
            Input::Key(key, down) => self.key(key, down),
            Input::TouchDown(id, x, y) => self.touch_down(id, x * w, y * h),
            Input::TouchMove(id, x, y) => self.touch_move(id, x * w, y * h),
            Input::TouchUp(id) => self.touch_up(id),
            Input::TouchFrame => {
                for touch in &self.seat.touches {
                    if self
                        .seat
                        .fingers
                        .values()
                        .any(|(key, ..)| self.is_of(*key, &touch.id()))
                    {
                        touch.frame();
                    }
                }
            }
        }
    }

    fn move_pointer(&mut self, x: f64, y: f64) {
        self.damage_cursor();
        self.seat.seen = true;
        self.seat.x = x.clamp(0.0, f64::from(self.screen.w.saturating_sub(1)));
        self.seat.y = y.clamp(0.0, f64::from(self.screen.h.saturating_sub(1)));
        self.damage_cursor();
        if self.grab_motion() {
            return;
        }
        self.refresh_pointer();
        let Some(focus) = self.seat.pointer_focus else {
            return;
        };
        let (ox, oy) = self.origin(focus).unwrap_or_default();
        let (x, y) = (self.seat.x - f64::from(ox), self.seat.y - f64::from(oy));
        let time = self.now();
        for pointer in self.pointers_of(focus) {
            pointer.motion(time, x, y);
            frame(&pointer);
        }
    }

    /// Gives the pointer to what is under it now, unless a button holds it.
    pub fn refresh_pointer(&mut self) {
        if self.seat.buttons > 0 || self.seat.grab != Grab::None || !self.seat.seen {
            return;
        }
        let under = self
            .surface_at(self.seat.x, self.seat.y)
            .map(|(key, ..)| key);
        self.focus_pointer(under);
    }

    fn button(&mut self, button: u32, down: bool) {
        if down {
            self.seat.buttons = self.seat.buttons.saturating_add(1);
            if self.seat.buttons == 1 && self.pressed(button) {
                return;
            }
        } else {
            self.seat.buttons = self.seat.buttons.saturating_sub(1);
        }
        if self.seat.grab == Grab::None
            && let Some(focus) = self.seat.pointer_focus
        {
            let (serial, time) = (self.serial(), self.now());
            let state = if down {
                wl_pointer::ButtonState::Pressed
            } else {
                wl_pointer::ButtonState::Released
            };
            for pointer in self.pointers_of(focus) {
                pointer.button(serial, time, button, state);
                frame(&pointer);
            }
        }
        if self.seat.buttons == 0 {
            self.end_grab();
        }
    }

    /// The first button went down: windows come to the front, popups of others go. True if it is for us alone.
    fn pressed(&mut self, button: u32) -> bool {
        let under = self
            .surface_at(self.seat.x, self.seat.y)
            .map(|(key, ..)| key);
        let elsewhere: Vec<Key> = self
            .popups
            .iter()
            .copied()
            .filter(
                |popup| match self.surfaces.get(popup).map(|its| &its.role) {
                    Some(Role::Popup(its)) => {
                        its.grabs
                            && !under.is_some_and(|under| {
                                self.surfaces
                                    .get(&under)
                                    .is_some_and(|under| self.is_of(*popup, &under.resource.id()))
                            })
                    }
                    _ => false,
                },
            )
            .collect();
        if !elsewhere.is_empty() {
            elsewhere
                .into_iter()
                .rev()
                .for_each(|popup| self.dismiss(popup));
            self.refresh_after_dismissal();
        }
        let Some(window) = under.and_then(|under| self.window_of(under)) else {
            return false;
        };
        self.raise(window);
        if self.popups.is_empty() {
            self.focus_keyboard(Some(window));
        }
        if self.seat.modifiers.has(keymap::ALT) {
            match button {
                BUTTON_LEFT => self.begin_move(window),
                BUTTON_RIGHT => {
                    let place = self.place(window).unwrap_or_default();
                    self.begin_resize(window, Edges::nearest(place, self.seat.x, self.seat.y));
                }
                _ => return false,
            }
            return true;
        }
        false
    }

    fn refresh_after_dismissal(&mut self) {
        let top = self.stack.last().copied();
        if self.seat.keyboard_focus.is_none() {
            self.focus_keyboard(top);
        }
    }

    fn wheel(&mut self, across: i32, down: i32) {
        let Some(focus) = self.seat.pointer_focus else {
            return;
        };
        let time = self.now();
        // One click of a wheel scrolls by this, as other compositors have it.
        const CLICK: f64 = 15.0;
        for pointer in self.pointers_of(focus) {
            let axes = [
                (wl_pointer::Axis::HorizontalScroll, across),
                (wl_pointer::Axis::VerticalScroll, down),
            ];
            for (axis, clicks) in axes {
                if clicks == 0 {
                    continue;
                }
                if pointer.version() >= 5 {
                    pointer.axis_source(wl_pointer::AxisSource::Wheel);
                    pointer.axis_discrete(axis, clicks);
                }
                pointer.axis(time, axis, f64::from(clicks) * CLICK);
            }
            frame(&pointer);
        }
    }

    fn key(&mut self, key: u32, down: bool) {
        if down == self.seat.keys.contains(&key) {
            return;
        }
        if down {
            self.seat.keys.push(key);
        } else {
            self.seat.keys.retain(|its| *its != key);
        }
        let before = self.seat.modifiers;
        self.seat.modifiers.update(key, down, &self.seat.keys);
        if down && self.shortcut(key) {
            return;
        }
        let Some(focus) = self.seat.keyboard_focus else {
            return;
        };
        let (serial, time) = (self.serial(), self.now());
        let state = if down {
            wl_keyboard::KeyState::Pressed
        } else {
            wl_keyboard::KeyState::Released
        };
        let m = self.seat.modifiers;
        for keyboard in self.keyboards_of(focus) {
            keyboard.key(serial, time, key, state);
            if m != before {
                keyboard.modifiers(serial, m.depressed, m.latched, m.locked, 0);
            }
        }
    }

    /// The compositor's own: Alt-Tab goes round the windows, Alt-F4 closes one, Ctrl-Alt-Backspace ends it all.
    fn shortcut(&mut self, key: u32) -> bool {
        let held = |modifier| self.seat.modifiers.has(modifier);
        match key {
            keymap::KEY_TAB if held(keymap::ALT) => {
                if let Some(lowest) = self.stack.first().copied() {
                    self.raise(lowest);
                    self.focus_keyboard(Some(lowest));
                    self.refresh_pointer();
                }
                true
            }
            keymap::KEY_F4 if held(keymap::ALT) => {
                let window = self
                    .seat
                    .keyboard_focus
                    .and_then(|focus| self.window_of(focus));
                if let Some(top) = window.and_then(|window| self.toplevel(window)) {
                    top.resource.close();
                }
                true
            }
            keymap::KEY_BACKSPACE if held(keymap::ALT) && held(keymap::CONTROL) => {
                self.running = false;
                true
            }
            _ => false,
        }
    }

    fn touch_down(&mut self, id: i32, x: f64, y: f64) {
        let Some((key, sx, sy)) = self.surface_at(x, y) else {
            return;
        };
        if let Some(window) = self.window_of(key) {
            self.raise(window);
            self.focus_keyboard(Some(window));
        }
        let (ox, oy) = self.origin(key).unwrap_or_default();
        self.seat.fingers.insert(id, (key, ox, oy));
        let (serial, time) = (self.serial(), self.now());
        for touch in self.touches_of(key) {
            if let Some(surface) = self.surfaces.get(&key) {
                touch.down(serial, time, &surface.resource, id, sx, sy);
            }
        }
    }

    fn touch_move(&mut self, id: i32, x: f64, y: f64) {
        if let Some((key, ox, oy)) = self.seat.fingers.get(&id).copied() {
            let time = self.now();
            for touch in self.touches_of(key) {
                touch.motion(time, id, x - f64::from(ox), y - f64::from(oy));
            }
        }
    }

    fn touch_up(&mut self, id: i32) {
        if let Some((key, ..)) = self.seat.fingers.remove(&id) {
            let (serial, time) = (self.serial(), self.now());
            for touch in self.touches_of(key) {
                touch.up(serial, time, id);
                touch.frame();
            }
        }
    }
}
