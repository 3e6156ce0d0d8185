//! `xdg_wm_base` and `xdg_surface`: what windows and popups have in common.

use std::sync::{Arc, Mutex};

use wayland_protocols::xdg::shell::server::{
    xdg_popup, xdg_positioner, xdg_surface, xdg_toplevel, xdg_wm_base,
};
use wayland_server::backend::ClientId;
use wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};

use crate::geometry::Rect;
use crate::positioner::{Positioner, Side};
use crate::role::{Popup, Role, Shell, Toplevel};
use crate::state::{Key, State};

/// A positioner under construction.
pub type SharedPositioner = Arc<Mutex<Positioner>>;

impl GlobalDispatch<xdg_wm_base::XdgWmBase, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<xdg_wm_base::XdgWmBase>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(resource, ());
    }
}

impl Dispatch<xdg_wm_base::XdgWmBase, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &xdg_wm_base::XdgWmBase,
        request: xdg_wm_base::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            xdg_wm_base::Request::CreatePositioner { id } => {
                init.init(id, SharedPositioner::default());
            }
            xdg_wm_base::Request::GetXdgSurface { id, surface } => {
                let key = surface.data::<Key>().copied().unwrap_or(Key(0));
                init.init(id, key);
                let Some(surface) = state.surfaces.get(&key) else {
                    return;
                };
                if !matches!(surface.role, Role::None) {
                    resource.post_error(xdg_wm_base::Error::Role, "the surface has a role already");
                } else if surface.image.is_some() || matches!(surface.pending.buffer, Some(Some(_)))
                {
                    resource.post_error(
                        xdg_wm_base::Error::InvalidSurfaceState,
                        "the surface has a buffer already",
                    );
                }
            }
            _ => {}
        }
    }
}

fn side<T: Into<u32>>(value: Result<T, wayland_server::backend::protocol::WEnumError>) -> Side {
    // The numbers of anchors and gravities are the same: none, top, bottom, left, right, then the corners.
    let (x, y) = match value.map_or(0, Into::into) {
        1 => (0, -1),
        2 => (0, 1),
        3 => (-1, 0),
        4 => (1, 0),
        5 => (-1, -1),
        6 => (-1, 1),
        7 => (1, -1),
        8 => (1, 1),
        _ => (0, 0),
    };
    Side { x, y }
}

impl Dispatch<xdg_positioner::XdgPositioner, SharedPositioner> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        resource: &xdg_positioner::XdgPositioner,
        request: xdg_positioner::Request,
        positioner: &SharedPositioner,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use xdg_positioner::{Error, Request};
        let Ok(mut positioner) = positioner.lock() else {
            return;
        };
        match request {
            Request::SetSize { width, height } if width < 1 || height < 1 => {
                resource.post_error(Error::InvalidInput, "a size below 1");
            }
            Request::SetSize { width, height } => positioner.size = (width, height),
            Request::SetAnchorRect {
                x,
                y,
                width,
                height,
            } => {
                if width < 0 || height < 0 {
                    resource.post_error(Error::InvalidInput, "a negative size");
                }
                // A rectangle without extent is a point; it counts as set.
                positioner.anchor_rect = Rect::new(x, y, width.max(1), height.max(1));
            }
            Request::SetAnchor { anchor } => positioner.anchor = side(anchor.into_result()),
            Request::SetGravity { gravity } => positioner.gravity = side(gravity.into_result()),
            Request::SetConstraintAdjustment {
                constraint_adjustment,
            } => {
                positioner.adjustment = match constraint_adjustment {
                    WEnum::Value(value) => value.bits(),
                    WEnum::Unknown(value) => value,
                };
            }
            Request::SetOffset { x, y } => positioner.offset = (x, y),
            Request::SetReactive => positioner.reactive = true,
            _ => {}
        }
    }
}

impl Dispatch<xdg_surface::XdgSurface, Key> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &xdg_surface::XdgSurface,
        request: xdg_surface::Request,
        key: &Key,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use xdg_surface::{Error, Request};
        match request {
            Request::GetToplevel { id } => {
                let top = init.init(id, *key);
                state.make_toplevel(*key, resource, top);
            }
            Request::GetPopup {
                id,
                parent,
                positioner,
            } => {
                let popup = init.init(id, *key);
                let parent = parent.and_then(|parent| parent.data::<Key>().copied());
                let rules = positioner
                    .data::<SharedPositioner>()
                    .and_then(|shared| shared.lock().ok().map(|rules| *rules))
                    .unwrap_or_default();
                if rules.is_complete() {
                    state.make_popup(*key, resource, popup, parent, rules);
                } else {
                    let what = "an incomplete positioner";
                    positioner.post_error(xdg_positioner::Error::InvalidInput, what);
                }
            }
            Request::SetWindowGeometry {
                width,
                height,
                x,
                y,
            } => {
                if width <= 0 || height <= 0 {
                    resource.post_error(Error::InvalidSize, "a size below 1");
                } else if let Some(shell) = state.shell(*key) {
                    shell.pending_geometry = Some(Rect::new(x, y, width, height));
                }
            }
            Request::AckConfigure { serial } => match state.shell(*key) {
                Some(shell) if shell.configured => shell.acked = Some(serial),
                Some(_) => resource.post_error(Error::InvalidSerial, "nothing was configured"),
                None => resource.post_error(Error::NotConstructed, "it has no role"),
            },
            _ => {}
        }
    }
}

impl State {
    /// What a window or popup has in common with the other.
    pub fn shell(&mut self, key: Key) -> Option<&mut Shell> {
        match &mut self.surfaces.get_mut(&key)?.role {
            Role::Toplevel(top) => Some(&mut top.shell),
            Role::Popup(popup) => Some(&mut popup.shell),
            _ => None,
        }
    }

    fn make_toplevel(
        &mut self,
        key: Key,
        xdg: &xdg_surface::XdgSurface,
        resource: xdg_toplevel::XdgToplevel,
    ) {
        if let Some(surface) = self.surfaces.get_mut(&key) {
            surface.role = Role::Toplevel(Toplevel {
                resource,
                shell: Shell::new(xdg.clone()),
                x: 0,
                y: 0,
                maximized: false,
                fullscreen: false,
                restore: None,
                resizing: false,
                asked: None,
                anchor: None,
                min: (0, 0),
                max: (0, 0),
                title: String::new(),
            });
        }
    }

    fn make_popup(
        &mut self,
        key: Key,
        xdg: &xdg_surface::XdgSurface,
        resource: xdg_popup::XdgPopup,
        parent: Option<Key>,
        rules: Positioner,
    ) {
        let place = self.popup_place(parent, &rules);
        if let Some(surface) = self.surfaces.get_mut(&key) {
            surface.role = Role::Popup(Popup {
                resource,
                shell: Shell::new(xdg.clone()),
                parent,
                place,
                grabs: false,
            });
        }
    }

    /// Where a popup goes that follows these rules.
    pub fn popup_place(&self, parent: Option<Key>, rules: &Positioner) -> Rect {
        let mut screen = self.screen;
        if let Some(parent) = parent
            && let Some((x, y)) = self.origin(parent)
        {
            let geometry = self.window_geometry(parent);
            let away = |at: i32, inside: i32| at.saturating_add(inside).saturating_neg();
            screen = screen.shifted(away(x, geometry.x), away(y, geometry.y));
        }
        rules.place(screen)
    }

    /// What a window's or popup's commit means beyond its picture.
    pub fn commit_role(&mut self, key: Key) {
        let has_image = self
            .surfaces
            .get(&key)
            .is_some_and(|surface| surface.image.is_some());
        let Some(shell) = self.shell(key) else {
            return;
        };
        if let Some(geometry) = shell.pending_geometry.take() {
            shell.geometry = Some(geometry);
        }
        if !shell.configured {
            if has_image {
                shell.xdg.post_error(
                    xdg_surface::Error::UnconfiguredBuffer,
                    "a buffer before the first configure",
                );
                return;
            }
            shell.configured = true;
            self.configure(key, None);
            return;
        }
        if has_image && shell.acked.is_none() {
            shell.xdg.post_error(
                xdg_surface::Error::UnconfiguredBuffer,
                "a buffer before the first ack",
            );
            return;
        }
        if has_image && !shell.mapped {
            shell.mapped = true;
            self.map(key);
        } else if has_image {
            self.settle_resize(key);
        }
    }

    fn map(&mut self, key: Key) {
        let geometry = self.window_geometry(key);
        let place = self.next_place(geometry.w, geometry.h);
        match self.surfaces.get_mut(&key).map(|surface| &mut surface.role) {
            Some(Role::Toplevel(top)) => {
                if top.maximized || top.fullscreen {
                    (top.x, top.y) = (0, 0);
                } else {
                    (top.x, top.y) = place;
                }
                let what = format!(
                    "map {} {}x{}+{}+{} {}",
                    key.0, geometry.w, geometry.h, top.x, top.y, top.title
                );
                self.stack.push(key);
                self.enter_output(key);
                self.focus_keyboard(Some(key));
                self.tell(|| what);
            }
            Some(Role::Popup(popup)) => {
                let grabs = popup.grabs;
                self.popups.push(key);
                self.enter_output(key);
                if grabs {
                    self.focus_keyboard(Some(key));
                }
                self.tell(|| format!("popup {}", key.0));
            }
            _ => {}
        }
        self.damage_window(key);
        self.refresh_pointer();
    }

    /// A window or popup without a picture is off the screen, and begins anew.
    pub fn unmap(&mut self, key: Key) {
        if let Some(shell) = self.shell(key) {
            (shell.mapped, shell.configured, shell.acked) = (false, false, None);
            self.hide(key);
        }
    }

    /// Sends a popup away.
    pub fn dismiss(&mut self, key: Key) {
        if let Some(Role::Popup(popup)) = self.surfaces.get(&key).map(|surface| &surface.role) {
            popup.resource.popup_done();
            self.hide(key);
        }
    }

    /// Tells a client the size and state it shall have; no size leaves it to the client.
    pub fn configure(&mut self, key: Key, size: Option<(i32, i32)>) {
        let serial = self.serial();
        let active = self
            .seat
            .keyboard_focus
            .and_then(|focus| self.window_of(focus))
            == Some(key);
        let screen = self.screen;
        let Some(surface) = self.surfaces.get_mut(&key) else {
            return;
        };
        match &mut surface.role {
            Role::Toplevel(top) => {
                let full = top.maximized || top.fullscreen;
                let (w, h) = size.unwrap_or(if full { (screen.w, screen.h) } else { (0, 0) });
                let states: Vec<u8> = [
                    (top.maximized, xdg_toplevel::State::Maximized),
                    (top.fullscreen, xdg_toplevel::State::Fullscreen),
                    (top.resizing, xdg_toplevel::State::Resizing),
                    (active, xdg_toplevel::State::Activated),
                ]
                .into_iter()
                .filter(|(on, _)| *on)
                .flat_map(|(_, state)| u32::from(state).to_ne_bytes())
                .collect();
                top.resource.configure(w, h, states);
                top.shell.xdg.configure(serial);
                top.shell.told = serial;
                top.asked = (w > 0 && h > 0).then_some((w, h));
            }
            Role::Popup(popup) => {
                let place = popup.place;
                popup.resource.configure(place.x, place.y, place.w, place.h);
                popup.shell.xdg.configure(serial);
                popup.shell.told = serial;
            }
            _ => {}
        }
    }
}

impl Dispatch<xdg_popup::XdgPopup, Key> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &xdg_popup::XdgPopup,
        request: xdg_popup::Request,
        key: &Key,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            xdg_popup::Request::Grab { .. } => {
                if let Some(Role::Popup(popup)) =
                    state.surfaces.get_mut(key).map(|its| &mut its.role)
                {
                    if popup.shell.mapped {
                        resource.post_error(
                            xdg_popup::Error::InvalidGrab,
                            "it is on the screen already",
                        );
                    } else {
                        popup.grabs = true;
                    }
                }
            }
            xdg_popup::Request::Reposition { positioner, token } => {
                let rules = positioner
                    .data::<SharedPositioner>()
                    .and_then(|shared| shared.lock().ok().map(|rules| *rules))
                    .unwrap_or_default();
                state.damage_window(*key);
                let before = state.place(*key);
                let parent = match state.surfaces.get(key).map(|its| &its.role) {
                    Some(Role::Popup(popup)) => popup.parent,
                    _ => None,
                };
                let place = state.popup_place(parent, &rules);
                if let Some(Role::Popup(popup)) =
                    state.surfaces.get_mut(key).map(|its| &mut its.role)
                {
                    popup.place = place;
                }
                resource.repositioned(token);
                state.configure(*key, None);
                let after = state.place(*key);
                [before, after]
                    .into_iter()
                    .flatten()
                    .for_each(|rect| state.damage(rect));
            }
            _ => {}
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, _: &xdg_popup::XdgPopup, key: &Key) {
        state.end_role(*key);
    }
}

impl State {
    /// The role's object is gone: so is what it stood for.
    pub fn end_role(&mut self, key: Key) {
        self.hide(key);
        if let Some(surface) = self.surfaces.get_mut(&key) {
            surface.role = Role::None;
            surface.image = None;
        }
    }
}
