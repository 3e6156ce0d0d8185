//! `wl_seat`: who has the pointer, the keyboard and the fingers.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use wayland_server::backend::ClientId;
use wayland_server::protocol::{wl_keyboard, wl_pointer, wl_seat, wl_touch};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::geometry::Rect;
use crate::grab::Grab;
use crate::keymap::{self, Modifiers};
use crate::role::{Role, Toplevel};
use crate::state::{Key, State};

/// What the pointer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cursor {
    /// Our arrow.
    #[default]
    Arrow,
    /// Nothing.
    Hidden,
    /// A client's surface.
    Surface(Key),
}

/// Everything about input.
#[derive(Debug)]
pub struct Seat {
    /// Clients' pointer objects.
    pub pointers: Vec<wl_pointer::WlPointer>,
    /// Their keyboards.
    pub keyboards: Vec<wl_keyboard::WlKeyboard>,
    /// Their touch objects.
    pub touches: Vec<wl_touch::WlTouch>,
    /// Where the pointer is.
    pub x: f64,
    /// Where the pointer is.
    pub y: f64,
    /// Whether it was ever moved; before, it is not shown.
    pub seen: bool,
    /// How many buttons are held.
    pub buttons: u32,
    /// What holding them does.
    pub grab: Grab,
    /// The surface under the pointer.
    pub pointer_focus: Option<Key>,
    /// The surface that keys go to.
    pub keyboard_focus: Option<Key>,
    /// Its picture.
    pub cursor: Cursor,
    /// Keys that are held.
    pub keys: Vec<u32>,
    /// What they mean together.
    pub modifiers: Modifiers,
    /// Each finger's surface, and that surface's corner.
    pub fingers: BTreeMap<i32, (Key, i32, i32)>,
    /// The keymap's file, which no client can change.
    keymap: Option<OwnedFd>,
}

impl Seat {
    /// The pointer in the middle, nothing held.
    pub fn new(screen: Rect) -> Self {
        Self {
            pointers: Vec::new(),
            keyboards: Vec::new(),
            touches: Vec::new(),
            x: f64::from(screen.w) / 2.0,
            y: f64::from(screen.h) / 2.0,
            seen: false,
            buttons: 0,
            grab: Grab::None,
            pointer_focus: None,
            keyboard_focus: None,
            cursor: Cursor::Arrow,
            keys: Vec::new(),
            modifiers: Modifiers::default(),
            fingers: BTreeMap::new(),
            keymap: keymap::file().ok(),
        }
    }

    /// The pointer's place in whole pixels.
    pub fn point(&self) -> (i32, i32) {
        (self.x.floor() as i32, self.y.floor() as i32)
    }

    /// The surface that is the pointer's picture.
    pub fn cursor_key(&self) -> Option<Key> {
        match self.cursor {
            Cursor::Surface(key) => Some(key),
            Cursor::Arrow | Cursor::Hidden => None,
        }
    }
}

impl GlobalDispatch<wl_seat::WlSeat, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wl_seat::WlSeat>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let seat = init.init(resource, ());
        let all = wl_seat::Capability::Pointer | wl_seat::Capability::Keyboard;
        seat.capabilities(all | wl_seat::Capability::Touch);
        if seat.version() >= 2 {
            seat.name("seat0".into());
        }
    }
}

impl Dispatch<wl_seat::WlSeat, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &wl_seat::WlSeat,
        request: wl_seat::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_seat::Request::GetPointer { id } => {
                let pointer = init.init(id, ());
                state.seat.pointers.push(pointer.clone());
                if let Some(focus) = state.seat.pointer_focus
                    && state.is_of(focus, &pointer.id())
                {
                    state.enter_pointer(&pointer, focus);
                }
            }
            wl_seat::Request::GetKeyboard { id } => {
                let keyboard = init.init(id, ());
                if let Some(file) = &state.seat.keymap {
                    let size = u32::try_from(keymap::TEXT.len().saturating_add(1)).unwrap_or(0);
                    keyboard.keymap(wl_keyboard::KeymapFormat::XkbV1, file.as_fd(), size);
                }
                if keyboard.version() >= 4 {
                    keyboard.repeat_info(25, 400);
                }
                state.seat.keyboards.push(keyboard.clone());
                if let Some(focus) = state.seat.keyboard_focus
                    && state.is_of(focus, &keyboard.id())
                {
                    state.enter_keyboard(&keyboard, focus);
                }
            }
            wl_seat::Request::GetTouch { id } => {
                let touch = init.init(id, ());
                state.seat.touches.push(touch);
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_pointer::WlPointer, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &wl_pointer::WlPointer,
        request: wl_pointer::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let wl_pointer::Request::SetCursor {
            surface,
            hotspot_x,
            hotspot_y,
            ..
        } = request
        else {
            return;
        };
        // Only who has the pointer says what it looks like.
        let focused = state
            .seat
            .pointer_focus
            .is_some_and(|focus| state.is_of(focus, &resource.id()));
        let cursor = match surface.and_then(|surface| surface.data::<Key>().copied()) {
            None => Cursor::Hidden,
            Some(key) => {
                let Some(surface) = state.surfaces.get_mut(&key) else {
                    return;
                };
                if !matches!(surface.role, Role::None | Role::Cursor(_)) {
                    resource.post_error(wl_pointer::Error::Role, "the surface has another role");
                    return;
                }
                surface.role = Role::Cursor((hotspot_x, hotspot_y));
                Cursor::Surface(key)
            }
        };
        if focused {
            state.damage_cursor();
            state.seat.cursor = cursor;
            state.damage_cursor();
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, resource: &wl_pointer::WlPointer, (): &()) {
        state.seat.pointers.retain(|its| its.id() != resource.id());
    }
}

impl Dispatch<wl_keyboard::WlKeyboard, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_keyboard::WlKeyboard,
        _: wl_keyboard::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }

    fn destroyed(state: &mut Self, _: ClientId, resource: &wl_keyboard::WlKeyboard, (): &()) {
        state.seat.keyboards.retain(|its| its.id() != resource.id());
    }
}

impl Dispatch<wl_touch::WlTouch, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_touch::WlTouch,
        _: wl_touch::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }

    fn destroyed(state: &mut Self, _: ClientId, resource: &wl_touch::WlTouch, (): &()) {
        state.seat.touches.retain(|its| its.id() != resource.id());
    }
}

impl State {
    /// Whether a surface belongs to the client of an object.
    pub fn is_of(&self, key: Key, object: &wayland_server::backend::ObjectId) -> bool {
        self.surfaces
            .get(&key)
            .is_some_and(|surface| surface.resource.id().same_client_as(object))
    }

    /// The pointers of a surface's client.
    pub fn pointers_of(&self, key: Key) -> Vec<wl_pointer::WlPointer> {
        let mine = |its: &&wl_pointer::WlPointer| self.is_of(key, &its.id());
        self.seat.pointers.iter().filter(mine).cloned().collect()
    }

    /// The keyboards of a surface's client.
    pub fn keyboards_of(&self, key: Key) -> Vec<wl_keyboard::WlKeyboard> {
        let mine = |its: &&wl_keyboard::WlKeyboard| self.is_of(key, &its.id());
        self.seat.keyboards.iter().filter(mine).cloned().collect()
    }

    /// The touch objects of a surface's client.
    pub fn touches_of(&self, key: Key) -> Vec<wl_touch::WlTouch> {
        let mine = |its: &&wl_touch::WlTouch| self.is_of(key, &its.id());
        self.seat.touches.iter().filter(mine).cloned().collect()
    }

    fn enter_pointer(&mut self, pointer: &wl_pointer::WlPointer, key: Key) {
        let serial = self.serial();
        let (x, y) = self.origin(key).unwrap_or_default();
        let (x, y) = (self.seat.x - f64::from(x), self.seat.y - f64::from(y));
        if let Some(surface) = self.surfaces.get(&key) {
            pointer.enter(serial, &surface.resource, x, y);
            frame(pointer);
        }
    }

    fn enter_keyboard(&mut self, keyboard: &wl_keyboard::WlKeyboard, key: Key) {
        let serial = self.serial();
        let keys = self
            .seat
            .keys
            .iter()
            .flat_map(|key| key.to_ne_bytes())
            .collect();
        if let Some(surface) = self.surfaces.get(&key) {
            keyboard.enter(serial, &surface.resource, keys);
            let m = self.seat.modifiers;
            keyboard.modifiers(serial, m.depressed, m.latched, m.locked, 0);
        }
    }

    /// Gives the pointer to a surface.
    pub fn focus_pointer(&mut self, key: Option<Key>) {
        if self.seat.pointer_focus == key {
            return;
        }
        if let Some(old) = self.seat.pointer_focus.take() {
            let serial = self.serial();
            for pointer in self.pointers_of(old) {
                if let Some(surface) = self.surfaces.get(&old) {
                    pointer.leave(serial, &surface.resource);
                    frame(&pointer);
                }
            }
        }
        // The next client says what it wants to look like.
        self.damage_cursor();
        self.seat.cursor = Cursor::Arrow;
        self.damage_cursor();
        self.seat.pointer_focus = key;
        if let Some(key) = key {
            for pointer in self.pointers_of(key) {
                self.enter_pointer(&pointer, key);
            }
        }
    }

    /// Gives the keyboard to a window or popup.
    pub fn focus_keyboard(&mut self, key: Option<Key>) {
        let old = self.seat.keyboard_focus;
        if old == key {
            return;
        }
        if let Some(old) = old {
            let serial = self.serial();
            for keyboard in self.keyboards_of(old) {
                if let Some(surface) = self.surfaces.get(&old) {
                    keyboard.leave(serial, &surface.resource);
                }
            }
        }
        self.seat.keyboard_focus = key;
        if let Some(key) = key {
            self.offer_selection(key);
            for keyboard in self.keyboards_of(key) {
                self.enter_keyboard(&keyboard, key);
            }
        }
        // Windows are told whether they are the active one.
        let window = |state: &Self, key: Option<Key>| key.and_then(|key| state.window_of(key));
        let (old, new) = (window(self, old), window(self, key));
        if old != new {
            for window in [old, new].into_iter().flatten() {
                let acked = |top: &mut Toplevel| top.shell.acked.is_some();
                if self.toplevel(window).is_some_and(acked) {
                    let size = self.wanted_size(window);
                    self.configure(window, Some(size));
                }
            }
        }
    }

    /// A surface is off the screen: nothing goes to it any more.
    pub fn forget_focus(&mut self, key: Key) {
        if self.seat.pointer_focus == Some(key) {
            self.focus_pointer(None);
        }
        if self.seat.keyboard_focus == Some(key) {
            self.focus_keyboard(None);
        }
        if self.seat.cursor == Cursor::Surface(key) {
            self.damage_cursor();
            self.seat.cursor = Cursor::Arrow;
            self.damage_cursor();
        }
        match self.seat.grab {
            Grab::Move { window, .. } | Grab::Resize { window, .. } if window == key => {
                self.seat.grab = Grab::None;
            }
            _ => {}
        }
        self.seat.fingers.retain(|_, (its, _, _)| *its != key);
        self.data_forget(key);
    }
}

/// Ends a group of pointer events.
pub fn frame(pointer: &wl_pointer::WlPointer) {
    if pointer.version() >= 5 {
        pointer.frame();
    }
}
